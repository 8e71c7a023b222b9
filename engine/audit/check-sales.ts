/** Compares every sale of the lanes with Postgres at its cut: terms, state, allotment. */
import { recordKeptMs } from './check-orders.ts';
import type { ExpectedSale } from './cut.ts';
import type { Findings } from './findings.ts';
import { laneNamedBy } from './names.ts';
import { saleStates, type SaleReading } from './records.ts';
import type { SaleRow } from './tables.ts';

/** As the lane numbers them (lua/command.lua). */
const lineModes = ['open', 'queue', 'draw'];

/** The state of a sale in its lane, by its state in Postgres. */
const laneStates: Readonly<Record<string, string>> = {
  creating: 'scheduled',
  scheduled: 'scheduled',
  cancelled: 'scheduled',
};

export function checkSale(
  row: SaleRow,
  sale: SaleReading | undefined,
  expected: ExpectedSale,
  findings: Findings,
): void {
  const check = findings.of('match.sales');
  check.checked += 1;
  const named = laneNamedBy(row.id);
  if (named !== row.lane) check.violate(row.id, `names lane ${named ?? '?'}, is in ${row.lane}`);
  if (sale === undefined) {
    const archived = row.state === 'closed' && row.closedAt < Date.now() - recordKeptMs;
    if (row.installed && !archived) check.violate(row.id, `${row.state}, and not in its lane`);
    return;
  }
  const wrong = termsWrong(row, sale, expected);
  if (wrong.length > 0) check.violate(row.id, `lane ≠ Postgres: ${wrong.join(', ')}`);
}

/** A sale of the lane that Postgres does not have. */
export function checkStraySale(sale: SaleReading, findings: Findings): void {
  const check = findings.of('match.sales');
  check.checked += 1;
  check.violate(sale.terms.id, 'in its lane, and not in Postgres');
}

type Pair = readonly [name: string, has: string | number, wanted: string | number];

/** Terms that a vendor changes before the bell. */
function changeable(row: SaleRow, { terms }: SaleReading): readonly Pair[] {
  const { line } = terms;
  const own = row.line;
  return [
    ['start', terms.start, row.start],
    ['end', terms.end, row.end],
    ['limit', terms.limit, row.limit_per_shopper],
    ['hold', terms.holdMs, row.hold_seconds * 1000],
    ['who', terms.who === 1 ? 'verified' : 'anyone', row.who],
    ['mode of the line', lineModes[line?.mode ?? 0] ?? '?', own?.mode ?? 'open'],
    ['turn', line?.turnMs ?? 0, (own?.turn_seconds ?? 0) * 1000],
    ['factor', line?.factorPercent ?? 0, Math.round((own?.factor ?? 0) * 100)],
    ['most that wait', line?.lineMax ?? 0, own?.line_max ?? 0],
  ];
}

function termsWrong(row: SaleRow, sale: SaleReading, expected: ExpectedSale): string[] {
  const { terms } = sale;
  const pairs: Pair[] = [
    ['id', terms.id, row.id],
    ['state', saleStates[terms.state] ?? '?', laneStates[expected.state] ?? expected.state],
    ...(expected.changed ? [] : changeable(row, sale)),
    ['credits wanted', terms.creditsWanted, row.wanted],
    ['items', terms.items.length, row.items.length],
  ];
  for (const [i, item] of terms.items.entries()) {
    const own = row.items[i];
    const then = expected.items[i];
    if (own === undefined || then === undefined) continue;
    pairs.push(
      [`product of item ${i}`, item.product, own.product_id],
      [`price of item ${i}`, item.price, expected.changed ? item.price : own.price],
      [`allotted of item ${i}`, item.allotted, then.allotted],
      [`last number of item ${i}`, item.last, then.last],
    );
  }
  return pairs
    .filter(([, has, wanted]) => has !== wanted)
    .map(([name, a, b]) => `${name} ${a} ≠ ${b}`);
}
