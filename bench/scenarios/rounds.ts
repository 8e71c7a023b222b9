/** Rounds in which things are compared by turns, and the rounds of one kind as one row. */
import { median } from '../findings.ts';
import type { Row } from '../findings.ts';
import type { Say } from '../scenario.ts';

/** How many there are, said before them: rounds that count, after so many that do not. */
export interface Counted {
  readonly rounds: number;
  readonly warmUps: number;
}

/**
 * One after the other, all alike. In the first ones, which do not count, the code is compiled that the
 * others are measured with.
 */
export async function inRounds<R>(
  what: string,
  { rounds, warmUps }: Counted,
  say: Say,
  round: () => Promise<R>,
): Promise<R[]> {
  for (let i = 1; i <= warmUps; i++) {
    say(`${what}, warm-up ${i} of ${warmUps}, which does not count`);
    await round();
  }
  const counted: R[] = [];
  for (let i = 1; i <= rounds; i++) {
    say(`${what}, round ${i} of ${rounds}`);
    counted.push(await round());
  }
  return counted;
}

/** Medians, which one disturbed round does not move. */
export function combined(rows: readonly Row[]): Row {
  const [first] = rows;
  if (first === undefined) throw new Error('no round was measured');
  const over = (of: (row: Row) => number): number => median(rows.map(of));
  const latency = (of: (row: Row) => number | null): number | null =>
    of(first) === null ? null : over((row) => of(row) ?? 0);
  return {
    name: first.name,
    operations: rows.reduce((sum, { operations }) => sum + operations, 0),
    perSecond: over(({ perSecond }) => perSecond),
    p50Ms: latency(({ p50Ms }) => p50Ms),
    p99Ms: latency(({ p99Ms }) => p99Ms),
    cpu: new Map(
      [...first.cpu.keys()].map((name) => [name, over(({ cpu }) => cpu.get(name) ?? 0)]),
    ),
  };
}
