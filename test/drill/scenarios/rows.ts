/** The bars of availability. Pure: a test breaks each. */
import type { Verdict } from '../check.ts';
import { bar, percent, type ScenarioContext } from './scenario.ts';

const share = 0.9999;

export interface Row {
  readonly fault: string;
  readonly commands: number;
  /** Commands without an answer, or with one that must not be. */
  readonly untrue: number;
  /** It was itself again within the time of a drill. */
  readonly isBack: boolean;
}

const sharedBy = ({ commands, untrue }: Pick<Row, 'commands' | 'untrue'>): number =>
  commands === 0 ? 0 : (commands - untrue) / commands;

/** Says each bar, and answers whether all hold. */
export function judgeRows(
  rows: readonly Row[],
  { violations, lost, oversold, orders }: Verdict,
  say: ScenarioContext['say'],
): boolean {
  const sum = (of: 'commands' | 'untrue'): number => rows.reduce((n, row) => n + row[of], 0);
  const all = { commands: sum('commands'), untrue: sum('untrue') };
  const late = rows.filter(({ isBack }) => !isBack).map(({ fault }) => fault);
  const broken = violations.length + lost.length + oversold.length;
  for (const violation of violations) say(`  ${violation}`);
  return [
    bar(
      say,
      sharedBy(all) >= share,
      `${percent(sharedBy(all), 3)} of ${all.commands} commands got their true answer (≥ ${percent(share, 2)})`,
    ),
    ...rows
      .filter((row) => sharedBy(row) < share)
      .map((row) => bar(say, false, `${row.fault}: ${row.untrue} of ${row.commands} did not`)),
    bar(
      say,
      late.length === 0,
      `itself again after each fault; not after ${late.length}: ${late.join()}`,
    ),
    bar(say, broken === 0, `no promise broken: ${broken} of ${orders} orders, the audit with them`),
  ].every(Boolean);
}
