// docs/guarantees.md: each of the nine promises says where it is kept and what proves it, or "not yet".
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exists, root } from './pages.ts';

const page = readFileSync(join(root, 'docs', 'guarantees.md'), 'utf8');
const promises = 9;

/** What is wrong with the table, one sentence each. A row without a number belongs to the one above. */
function wrongRows(text: string): string[] {
  const wrong: string[] = [];
  const seen: number[] = [];
  for (const [, number = '', promise = '', kept = '', proof = ''] of text.matchAll(
    /^\| (\d*) ?\| (.+?) \| (.+?) \| (.+?) \|$/gm,
  )) {
    if (number !== '') seen.push(Number(number));
    const at = `${seen.at(-1) ?? 0} (${promise.slice(0, 20)}…)`;
    if (!/`[\w-]+\/[\w./-]+`|not built/.test(kept)) wrong.push(`${at}: kept where?`);
    const tests = [...proof.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
    const runs = tests.some((path) => path.endsWith('.test.ts') && exists(path));
    if (!runs && !/\bnot yet\b/i.test(proof)) wrong.push(`${at}: proved by what?`);
  }
  const wanted = Array.from({ length: promises }, (_, i) => i + 1);
  if (seen.join() !== wanted.join()) wrong.push(`promises ${seen.join()}`);
  return wrong;
}

describe('docs/guarantees.md', () => {
  it('says of every promise who keeps it and what proves it', () => {
    expect(wrongRows(page)).toEqual([]);
  });

  it('would be found out', () => {
    const row = (text: string) => wrongRows(`${page}${text}\n`);
    expect(row('| | P | `lua/shop.lua` | trust us |')).toEqual(['9 (P…): proved by what?']);
    expect(row('| | P | somewhere | not yet |')).toEqual(['9 (P…): kept where?']);
    expect(row('| | P | `lua/shop.lua` | `test/unit/none.test.ts` |')).toHaveLength(1);
    expect(wrongRows(page.replace(/^\| 7 .*\n/m, ''))).toEqual(['promises 1,2,3,4,5,6,8,9']);
  });
});
