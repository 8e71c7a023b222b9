/** The rounds of one kind as one row: medians, which one disturbed round does not move. */
import { median } from '../findings.ts';
import type { Row } from '../findings.ts';

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
