/** The audit's result for people: one line for each check, below it what it found. */
import type { AuditReport } from './audit.ts';
import type { Check } from './findings.ts';

const markOf = (check: Check): string => {
  if (check.violations > 0) return 'FAIL';
  return check.failure === null ? 'ok' : '?';
};

/** Violations are told by id; a check that could not run says why. */
function linesOf(check: Check, i: number, all: readonly Check[]): string[] {
  const { name, checked, compares, shown, violations, failure } = check;
  const mark = markOf(check).padEnd(5);
  const lines = [`${mark} ${name.padEnd(17)} ${String(checked).padStart(9)}  ${compares}`];
  // What one store denies, many checks miss: it is said once.
  if (failure !== null && failure !== all[i - 1]?.failure) {
    lines.push(`      could not be checked: ${failure}`);
  }
  for (const { id, says } of shown) lines.push(`      ${id}: ${says}`);
  if (violations > shown.length) lines.push(`      … and ${violations - shown.length} more`);
  return lines;
}

const namesOf = (checks: readonly Check[]): string => checks.map(({ name }) => name).join(', ');

/** The whole table, and what it comes to. */
export function tableOf({ sale, checks, totals, seconds }: AuditReport): string {
  const failed = checks.filter((check) => check.violations > 0);
  const unrun = checks.filter((check) => check.failure !== null);
  const verdict = [
    ...(failed.length > 0 ? [`audit FAILED: ${namesOf(failed)}`] : []),
    ...(unrun.length > 0 ? [`audit INCOMPLETE, could not check: ${namesOf(unrun)}`] : []),
  ];
  if (verdict.length === 0) verdict.push(`audit passed: ${checks.length} checks`);
  const { lanes, sales, orders, units } = totals;
  const scope = sale === null ? `${lanes} lanes, ${sales} sales` : `sale ${sale} and its lane`;
  const counted = `${scope}, ${orders} orders, ${units} units held or sold`;
  const end = `${counted}, in ${seconds.toFixed(1)} s`;
  return [...checks.flatMap(linesOf), '', ...verdict, end, ''].join('\n');
}
