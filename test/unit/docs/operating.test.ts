// docs/operating.md against what it tells of: every variable with its default, unit and bounds, and
// every alarm; nothing that is gone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { variables } from '../../../stack/env-table.mjs';
import { root } from './pages.ts';

const page = readFileSync(join(root, 'docs', 'operating.md'), 'utf8');
const alerts = readFileSync(join(root, 'grafana', 'alerts.yml'), 'utf8');

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

/** Rows of the tables under a heading; the first cell is a name in code. */
function rowsOf(text: string, heading: string): Row[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => ({
    name,
    cells: rest.split('|').map((cell) => cell.trim()),
  }));
}

const units: readonly (readonly [RegExp, string])[] = [
  [/PORT$/, 'port'],
  [/_MS$/, 'ms'],
  [/_SECONDS(?:_DEFAULT)?$/, 's'],
  [/_MB$/, 'MB'],
];

/** What is wrong with the table of variables, one sentence each. */
function wrongVariables(text: string): string[] {
  const rows = rowsOf(text, 'Variables');
  const wrong = rows
    .filter(({ name }) => !variables.some((variable) => variable.name === name))
    .map(({ name }) => `${name} is gone`);
  for (const { name, default: fallback, kind } of variables) {
    const row = rows.find((one) => one.name === name);
    if (row === undefined) {
      wrong.push(`${name} is missing`);
      continue;
    }
    const [shown = '', range = '', meaning = ''] = row.cells;
    if (shown !== (fallback === '' ? '' : `\`${fallback}\``)) wrong.push(`${name} has ${fallback}`);
    const unit = units.find(([pattern]) => pattern.test(name))?.[1];
    if (unit !== undefined && !range.startsWith(`${unit}, `)) wrong.push(`${name} is in ${unit}`);
    const bounds = /between (-?\d+) and (\d+)/.exec(kind.expects);
    if (bounds !== null && !range.endsWith(`${bounds[1] ?? ''}–${bounds[2] ?? ''}`)) {
      wrong.push(`${name} is ${kind.expects}`);
    }
    if (meaning === '') wrong.push(`${name} means nothing`);
  }
  return wrong;
}

/** What is wrong with the table of alarms. */
function wrongAlarms(text: string): string[] {
  const rules = [...alerts.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);
  const rows = rowsOf(text, 'Alarms');
  return [
    ...rules.filter((name) => !rows.some((row) => row.name === name)).map((n) => `${n} is missing`),
    ...rows.filter(({ name }) => !rules.includes(name)).map(({ name }) => `${name} is gone`),
    ...rows.filter(({ cells }) => cells.includes('')).map(({ name }) => `${name} says too little`),
  ];
}

describe('docs/operating.md', () => {
  it('has every variable as the table has it', () => {
    expect(wrongVariables(page)).toEqual([]);
  });

  it('has every alarm, what it means and what to do', () => {
    expect(wrongAlarms(page)).toEqual([]);
  });

  it.each([
    [/^\| `LANES`.*\n/m, '', 'LANES is missing'],
    [/`LANES`/, '`LANE`', 'LANE is gone'],
    [/\| `2` \|/, '| `3` |', 'LANES has 2'],
    [/1–1024/, '1–1000', 'LANES is a whole number between 1 and 1024'],
    [/ms, 0–10000/, '0–10000', 'RELAY_PAUSE_MS is in ms'],
  ])('would be found out: %s → "%s"', (from, to, sentence) => {
    expect(wrongVariables(page.replace(from, to))).toContain(sentence);
  });

  it('would be found out without an alarm', () => {
    expect(wrongAlarms(page.replace('`LaneShut`', '`LaneOpen`'))).toEqual([
      'LaneShut is missing',
      'LaneOpen is gone',
    ]);
  });
});
