/** The table of docs/drills.md, from the results of a run: what was met and survived, by fault. */
import type { Result } from './results.ts';

/** `stop-worker-5s` and `stop-worker-12s` are one row: the worst of them counts. */
const familyOf = ({ fault, parts }: Result): string =>
  parts > 1 ? 'several connections at once' : fault.replace(/-\d+s$|(?<=-reply)-\d+$/, '');

const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);
const worst = (of: readonly number[]): string => `${(Math.max(...of) / 1000).toFixed(1)} s`;

function rowOf(name: string, rows: readonly Result[]): string {
  const all = (of: (row: Result) => number): number[] => rows.map(of);
  const cells = [
    name,
    sum(all((row) => row.parts)),
    sum(all((row) => row.commands)),
    sum(all((row) => row.saw503)),
    worst(all((row) => row.feltMs)),
    worst(all((row) => row.longestMs)),
    sum(all((row) => row.unanswered)),
    worst(all((row) => row.recoveredMs ?? Infinity)),
    sum(all((row) => row.lost)),
    sum(all((row) => row.oversold)),
  ];
  return `| ${cells.join(' | ')} |`;
}

const head = [
  '| fault | times | commands | saw a 503 | felt for | longest | no answer in 10 s | back | lost | oversold |',
  '|---|---|---|---|---|---|---|---|---|---|',
];

/** Two tables: what may lose nothing, and what a lost disk took, with what was in doubt. */
export function tableOf(results: readonly Result[]): string[] {
  const families = new Map<string, Result[]>();
  for (const row of results) {
    const family = familyOf(row);
    families.set(family, [...(families.get(family) ?? []), row]);
  }
  const names = [...families.keys()].sort((a, b) => a.localeCompare(b));
  const lines = (loses: boolean): string[] =>
    names.flatMap((name) => {
      const rows = families.get(name) ?? [];
      if (rows.some(({ inDoubt }) => inDoubt !== null) !== loses) return [];
      const doubt = sum(rows.map(({ inDoubt }) => inDoubt ?? 0));
      return [rowOf(loses ? `${name} (${doubt} decisions in doubt)` : name, rows)];
    });
  return [...head, ...lines(false), '', ...head, ...lines(true)];
}
