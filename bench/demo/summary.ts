/** What the demo says at the end, and whether all holds. Pure. */
import type { AuditVerdict } from '../audit.ts';
import type { SettleLag } from './closing.ts';
import type { OwnershipCheck } from './ownership.ts';
import { milliseconds, number } from './picture.ts';
import type { SaleStats } from './shop.ts';
import type { Tally } from './tally.ts';

export interface Ending {
  readonly shoppers: number;
  readonly units: number;
  readonly stats: SaleStats;
  readonly tally: Tally;
  readonly check: OwnershipCheck;
  readonly lag: SettleLag;
  readonly audit: AuditVerdict;
  /** Shoppers that were told a number; null without a line. */
  readonly numbered: number | null;
}

const shownViolations = 10;

/** Empty when all holds. */
export function complaintsOf({ units, stats, check, audit, tally }: Ending): string[] {
  const complaints = check.violations.slice(0, shownViolations);
  const more = check.violations.length - complaints.length;
  if (more > 0) complaints.push(`… and ${number(more)} more`);
  const { available, held, sold, in_doubt } = stats;
  if (stats.allotted !== units) complaints.push(`${stats.allotted} units offered, not ${units}`);
  if (available + held + sold !== stats.allotted) {
    complaints.push(`${available} available + ${held} held + ${sold} sold ≠ ${stats.allotted}`);
  }
  if (sold !== check.paidUnits) {
    complaints.push(`the sale counts ${sold} sold, its shoppers paid ${check.paidUnits}`);
  }
  if (in_doubt.count > 0) complaints.push(`${in_doubt.count} decisions are still in doubt`);
  if (tally.holds === 0) complaints.push('nobody got a unit');
  if (!audit.ok) complaints.push(`the audit ${audit.text}`);
  return complaints;
}

export function summaryOf(ending: Ending): string[] {
  const { stats, tally, check, lag } = ending;
  const { holdMs, payMs, firstWaveMs } = tally;
  const refusals = tally.refusals().map(([code, count]) => {
    const again = code === 'unavailable' ? ', told to come again, and did' : '';
    return `${number(count)} ${code}${again}`;
  });
  const wave =
    firstWaveMs === 0
      ? 'not everybody was answered'
      : ending.numbered === null
        ? `${number(ending.shoppers)} shoppers were answered in ${milliseconds(firstWaveMs)}`
        : `${number(ending.numbered)} shoppers had their numbers ${milliseconds(firstWaveMs)} after the bell`;
  const complaints = complaintsOf(ending);
  const row = (name: string, text: string): string => `  ${name.padEnd(16)}${text}`;
  const quantiles = (p50: number | null, p99: number | null): string =>
    p50 === null || p99 === null ? 'unknown' : `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`;
  return [
    'Summary',
    row('offered', `${number(stats.allotted)} units`),
    row('sold', `${number(stats.sold)} paid, ${number(stats.held + stats.available)} unsold`),
    row('expired', `${number(stats.expired)} holds, ${number(check.resold)} units resold`),
    row(ending.numbered === null ? 'first wave' : 'the draw', wave),
    ...(ending.numbered === null
      ? []
      : [row('no turn', `${number(tally.in('in_line'))} shoppers, when the last unit was gone`)]),
    row('refused', refusals.length === 0 ? 'nobody' : refusals.join('; ')),
    row('answer (hold)', quantiles(holdMs.quantile(0.5), holdMs.quantile(0.99))),
    row('answer (pay)', quantiles(payMs.quantile(0.5), payMs.quantile(0.99))),
    row('settlement lag', quantiles(lag.p50Ms, lag.p99Ms)),
    row('unanswered', `${number(tally.failures)} requests, each asked again with its key`),
    row('no unit twice', check.violations.length === 0 ? 'by the shoppers’ own answers' : 'BROKEN'),
    row('audit', ending.audit.text),
    '',
    ...(complaints.length === 0
      ? ['Verdict: every unit was sold at most once, and all three stores agree.']
      : ['Verdict: THIS DOES NOT HOLD.', ...complaints.map((line) => `  - ${line}`)]),
  ];
}
