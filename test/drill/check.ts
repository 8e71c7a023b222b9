/**
 * The judgement after heal and drain: the audit, and the client's own history against Postgres.
 * I1–I12 are the invariants by which flash sales are judged: conservation, no unit twice, every
 * accepted answer there once and none invented, limits, ends once, replays equal, money, liveness.
 */
import { Client as Postgres } from 'pg';
import type { Load } from './load.ts';
import type { DrillStack } from './stack.ts';
import type { History, KnownOrder, Violation } from './history.ts';

export interface Verdict {
  /** What breaks a promise, one sentence each. */
  readonly violations: readonly string[];
  /** Accepted orders that are in no store any more. */
  readonly lost: readonly string[];
  /** Units that two orders have. */
  readonly oversold: readonly string[];
  readonly orders: number;
  readonly drainedMs: number;
}

interface OrderRow {
  readonly id: string;
  readonly shopper: string;
  readonly state: string;
  readonly units: readonly string[];
}

const drainMaxMs = 60_000;
const lookEveryMs = 100;

/** `mayLose`: a disk or a log was lost on purpose, so what was lost is counted, not blamed. */
export async function check(
  stack: DrillStack,
  load: Load,
  { mayLose }: { readonly mayLose: boolean },
): Promise<Verdict> {
  const begun = performance.now();
  const { history } = load;
  const violations: string[] = [];
  const unknown = await load.resolveUnknown();
  if (unknown > 0) violations.push(`I11: ${unknown} commands have no answer after the heal`);
  const db = new Postgres({ connectionString: stack.storeEnv().DATABASE_URL });
  await db.connect();
  try {
    const left = await untilQuiet(db, load);
    if (left !== '') violations.push(`I11: ${left}`);
    const drainedMs = performance.now() - begun;
    const audit = await stack.highnoon(['audit', '--json', '--wait', '30']);
    if (audit.code !== 0) violations.push(`audit (${audit.code}): ${failedChecks(audit)}`);
    const rows = await readOrders(db, load.vendor.madeSales);
    const found = compare(history, load, rows);
    const seen = [...found.violations, ...history.violations.splice(0)];
    // A lost disk may take an answer back: the order that it was about is lost, and counted.
    const takenBack = ({ order }: Violation): boolean => mayLose && order !== '';
    const lost = new Set([...found.lost, ...seen.filter(takenBack).map(({ order }) => order)]);
    violations.push(...seen.filter((one) => !takenBack(one)).map(({ what }) => what));
    if (!mayLose) violations.push(...found.lost.map((id) => `I3: ${id} was accepted and is lost`));
    violations.push(...found.oversold.map((unit) => `I2: ${unit} was sold twice`));
    violations.push(...(await checkMoney(db, history, rows)));
    if (mayLose) for (const id of lost) history.forget(id);
    const { oversold } = found;
    return { lost: [...lost], oversold, violations, orders: rows.size, drainedMs };
  } finally {
    await db.end();
  }
}

interface AuditCheck {
  readonly name: string;
  readonly violations: number;
  readonly failure: string | null;
  readonly shown: readonly { readonly id: string; readonly says: string }[];
}

/** What the audit found, by check, with the first example of each. */
function failedChecks({ out, err }: { readonly out: string; readonly err: string }): string {
  let checks: readonly AuditCheck[];
  try {
    ({ checks } = JSON.parse(out) as { readonly checks: readonly AuditCheck[] });
  } catch {
    return err.slice(-500);
  }
  return checks
    .filter((one) => one.violations > 0 || one.failure !== null)
    .map(({ name, violations, failure, shown: [first] }) => {
      return `${name} ${violations}: ${failure ?? `${first?.id ?? ''} ${first?.says ?? ''}`}`;
    })
    .join('; ');
}

/** Nothing held, nothing on its way. Answers what is left when the time is up. */
async function untilQuiet(db: Postgres, load: Load): Promise<string> {
  const until = performance.now() + drainMaxMs;
  for (;;) {
    const { rows } = await db.query<{ held: number; commands: number; moves: number }>(
      `SELECT (SELECT count(*)::int FROM sale.orders WHERE state = 'held'
                AND 'sal_' || substr(id, 5, 16) = ANY($1)) AS held,
              (SELECT count(*)::int FROM sale.lane_commands WHERE outcome IS NULL) AS commands,
              (SELECT count(*)::int FROM sale.moves
                WHERE state IN ('asked', 'debited', 'crediting', 'undoing')) AS moves`,
      [load.vendor.madeSales],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('no counts');
    if (row.held + row.commands + row.moves === 0) return '';
    if (performance.now() > until) {
      return `${row.held} holds, ${row.commands} commands, ${row.moves} moves did not end`;
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function readOrders(db: Postgres, sales: readonly string[]): Promise<Map<string, OrderRow>> {
  const { rows } = await db.query<OrderRow>(
    `SELECT id, shopper, state, units FROM sale.orders
      WHERE 'sal_' || substr(id, 5, 16) = ANY($1)`,
    [sales],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

function compare(history: History, load: Load, rows: ReadonlyMap<string, OrderRow>) {
  const [violations, lost, oversold]: [Violation[], string[], string[]] = [[], [], []];
  for (const order of history.orders.values()) {
    const row = rows.get(order.id);
    if (row === undefined) lost.push(order.id);
    else violations.push(...compareOrder(order, row, load));
  }
  for (const { id } of rows.values()) {
    if (!history.isKnown(id)) violations.push(blame(id, 'I3', 'was never answered to anybody'));
  }
  const owners = new Map<string, string>();
  for (const { id, state, units } of rows.values()) {
    if (state !== 'paid') continue;
    const order = history.orders.get(id);
    for (const unit of units) {
      const name = `${order?.sale ?? id} ${order?.product ?? ''} unit ${unit}`;
      if (owners.has(name)) oversold.push(`${name} (${owners.get(name) ?? ''}, ${id})`);
      owners.set(name, id);
    }
  }
  return { violations, lost, oversold };
}

const blame = (order: string, rule: string, says: string): Violation => ({
  what: `${rule}: ${order} ${says}`,
  order,
});

function compareOrder(order: KnownOrder, row: OrderRow, load: Load): Violation[] {
  const { id, units, end, payAsked, releaseAsked } = order;
  const wrong: Violation[] = [];
  const shopper = load.accounts[order.shopper]?.id ?? '';
  if (row.shopper !== shopper) {
    wrong.push(blame(id, 'I3', `belongs to ${row.shopper}, not ${shopper}`));
  }
  if (row.units.join() !== units.join()) {
    const says = `was answered with ${units.join()}, stored with ${row.units.join()}`;
    wrong.push(blame(id, 'I3', says));
  }
  if (end !== null && row.state !== end) {
    wrong.push(blame(id, 'I6', `was ${end}, is stored as ${row.state}`));
  }
  if (row.state === 'paid' && !payAsked) wrong.push(blame(id, 'I6', 'is paid, nobody paid'));
  if (row.state === 'released' && !releaseAsked) {
    wrong.push(blame(id, 'I6', 'is released, nobody released it'));
  }
  return wrong;
}

/** What was paid by the answers = what the books say, order by order. */
async function checkMoney(
  db: Postgres,
  history: History,
  rows: ReadonlyMap<string, OrderRow>,
): Promise<string[]> {
  const paid = [...history.orders.values()].filter(({ id }) => rows.get(id)?.state === 'paid');
  const { rows: posted } = await db.query<{ id: string; amount: string }>(
    `SELECT split_part(posting, ':', 1) AS id, sum(amount) AS amount FROM sale.ledger
      WHERE account = 'receivable' AND split_part(posting, ':', 1) = ANY($1) GROUP BY 1`,
    [paid.map(({ id }) => id)],
  );
  const amounts = new Map(posted.map(({ id, amount }) => [id, Number(amount)]));
  return paid.flatMap(({ id, amount }) =>
    amounts.get(id) === amount
      ? []
      : [`I10: ${id} was quoted ${amount}, posted ${amounts.get(id) ?? 'nothing'}`],
  );
}
