// docs/audit.md explains every check of the audit, in the order of its table, and no other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkNames } from '../../../engine/audit/findings.ts';
import { root } from './pages.ts';

it('docs/audit.md explains every check', () => {
  const page = readFileSync(join(root, 'docs/audit.md'), 'utf8');
  const explained = [...page.matchAll(/^\| `([a-z.]+)` \| .{20,} \|$/gm)].map(([, name]) => name);
  expect(explained).toEqual(checkNames);
});
