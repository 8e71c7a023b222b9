// lua/README.md names every script, every key and every code, and no other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { code, status } from '../../../engine/lanes/codes.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { root } from './pages.ts';

const text = readFileSync(join(root, 'lua', 'README.md'), 'utf8');

/** Rows of the table under this head: what the first column names, and the second column. */
function rowsOf(head: string): [name: string, second: string][] {
  const [, after = ''] = text.split(`${head}\n`);
  const [table = ''] = after.split('\n\n');
  return [...table.matchAll(/^\| `([^`]+)` \| ([^|]*?) \|/gm)].map(([, a = '', b = '']) => [a, b]);
}

const numbers = (head: string): Record<string, number> =>
  Object.fromEntries(rowsOf(head).map(([name, number]) => [name, Number(number)]));

it('has every reply code and status', () => {
  expect(numbers('| code | | means |')).toEqual(code);
  expect(numbers('| status | | means |')).toEqual(status);
});

it('has every script', () => {
  const scripts = readdirSync(join(root, 'lua')).filter((name) => name.endsWith('.lua'));
  const named = rowsOf('| script | called by | does |').map(([name]) => name);
  expect([...named].sort()).toEqual(scripts.sort());
});

it('has every key of a lane', () => {
  const { batch: _, ...keys } = laneKeys(0);
  const wanted = Object.values(keys).map((key) => key.replace('{lane:0}:', ''));
  const named = rowsOf('| key | type | holds |').map(([name]) => name);
  const ofSale = ['s', 'r', 'd', 'n', 'w', 't', 'p', 'a', 'g'].map((letter) => `${letter}:SALE`);
  expect([...named].sort()).toEqual([...wanted, 'lease:LOOP', ...ofSale].sort());
});
