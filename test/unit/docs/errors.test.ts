// docs/errors.md says what the server answers: every code, no other, in the table's own words.
// `npx vitest run --project unit test/unit/docs/errors.test.ts -u` writes it anew.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorsMarkdown, problemCodes, problemTable } from '../../../platform/http/problems.ts';
import type { ProblemCode } from '../../../platform/http/problems.ts';
import { root } from './pages.ts';

const file = join(root, 'docs', 'errors.md');

interface Row {
  readonly code: string;
  readonly status: number;
}

const rowsOf = (text: string): Row[] =>
  [...text.matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)` \| (\d{3}) \|/gm)].map(
    ([, id, code, status]) => {
      expect(id).toBe(code);
      return { code: code ?? '', status: Number(status) };
    },
  );

/** Codes that the page lacks, and those that it has and nobody answers with (or otherwise). */
function differences(text: string): { missing: string[]; stale: string[] } {
  const rows = rowsOf(text);
  const stale = rows.filter(({ code, status }) => {
    const known = problemCodes.includes(code as ProblemCode);
    return !known || problemTable[code as ProblemCode].status !== status;
  });
  return {
    missing: problemCodes.filter((code) => !rows.some((row) => row.code === code)),
    stale: stale.map(({ code }) => code),
  };
}

describe('docs/errors.md', () => {
  it('has every code and no other', () => {
    expect(differences(readFileSync(file, 'utf8'))).toEqual({ missing: [], stale: [] });
  });

  it('is written from the table', async () => {
    await expect(errorsMarkdown()).toMatchFileSnapshot(file);
  });

  it('would be found out', () => {
    const text = errorsMarkdown();
    const without = text.replace(/^.*id="sold_out".*\n/m, '');
    expect(differences(without)).toEqual({ missing: ['sold_out'], stale: [] });
    const row = '| <a id="gone"></a>`gone` | 410 | Gone | No more. |\n';
    expect(differences(text + row)).toEqual({ missing: [], stale: ['gone'] });
    const other = text.replace('`sold_out` | 409', '`sold_out` | 410');
    expect(differences(other)).toEqual({ missing: [], stale: ['sold_out'] });
  });
});
