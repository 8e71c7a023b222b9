/**
 * The judgement after heal and drain: the audit, and the clients' own history against Postgres.
 * docs/drills.md says which check proves which of the invariants I1 to I12.
 */
import { Client as Postgres } from 'pg';
import type { Doubt } from './doubt.ts';
import type { OrderRow, Rows, Violation } from './history.ts';
import { compare } from './judge.ts';
import { misposted, notShown, overLimit, type Shown } from './judge-books.ts';
import { checkLines } from './judge-line.ts';
import { checkChanges, halfExpired, readLines, type LinesOf } from './judge-several.ts';
import type { Load } from './load.ts';
import type { DrillStack } from './stack.ts';
import { concealed, overstated, type Told } from './told.ts';

export interface Verdict {
  /** What breaks a promise, one sentence each. */
  readonly violations: readonly string[];
  /** Orders of which a lost disk took all or the end. */
  readonly lost: readonly string[];
  /** Units that two orders have. */
  readonly oversold: readonly string[];
  readonly orders: number;
  readonly drainedMs: number;
}

const drainMaxMs = 60_000;
const lookEveryMs = 100;

/**
 * `doubt` = what a lost disk may have taken: that is counted, anything else that is gone blamed;
 * `told` = what `recover` said of it, null = it was not run.
 */
export async function check(
  stack: DrillStack,
  load: Load,
  doubt: Doubt,
  told: readonly Told[] | null = null,
): Promise<Verdict> {
  const begun = performance.now();
  const { history } = load;
  const violations: string[] = [];
  const unknown = await load.resolveUnknown();
  if (unknown > 0) {
    violations.push(`I11: ${unknown} commands and reads have no answer after the heal`);
  }
  const db = new Postgres({ connectionString: stack.storeEnv().DATABASE_URL });
  await db.connect();
  try {
    const left = await untilQuiet(db, load);
    if (left !== '') violations.push(`I11: ${left}`);
    const drainedMs = performance.now() - begun;
    const audit = await stack.highnoon(['audit', '--json', '--wait', '30']);
    if (audit.code !== 0) violations.push(`audit (${audit.code}): ${failedChecks(audit)}`);
    const sales = [...new Set([...load.vendor.madeSales, ...history.linesIn])];
    const { rows, several } = await untilWhole(db, sales);
    const accounts = load.accounts.map(({ id }) => id);
    const { oversold, ...found } = compare(history, accounts, rows, doubt.begun, several);
    const lines = await checkLines(db, history, accounts, load.vendor.madeSales);
    const changes = await checkChanges(db, history);
    violations.push(...(await untilShown(db)));
    const gone = found.lost.map((order): Violation => ({
      ...{ order, what: `I3: ${order} was accepted, is lost`, ofBeginning: true },
    }));
    const sorted = sortOut(
      [...found.violations, ...lines, ...changes, ...gone, ...history.violations.splice(0)],
      doubt,
    );
    for (const id of sorted.lost) history.forget(id);
    await load.replay();
    violations.push(
      ...sorted.blamed,
      ...overstated(told ?? [], doubt),
      ...concealed(told, sorted.lost),
      ...history.violations.splice(0).map(({ what }) => what),
      ...oversold.map((unit) => `I2: ${unit} was sold twice`),
      ...overLimit(rows, await readLimits(db, sales)),
      ...misposted(history, rows, several, await readPosted(db)),
    );
    return { lost: sorted.lost, oversold, violations, orders: rows.size, drainedMs };
  } finally {
    await db.end();
  }
}

/**
 * A lost disk may take back what was in doubt, and nothing else: the first is counted. Where only an
 * end was in doubt, the order has to be there as it was held.
 */
export function sortOut(
  all: readonly Violation[],
  { begun, later }: Pick<Doubt, 'begun' | 'later'>,
): { readonly lost: readonly string[]; readonly blamed: readonly string[] } {
  const isExcused = ({ order, ofBeginning }: Violation): boolean =>
    begun.has(order) || (later.has(order) && ofBeginning !== true);
  const lost = new Set(all.filter(isExcused).map(({ order }) => order));
  return { lost: [...lost], blamed: all.filter((v) => !isExcused(v)).map((v) => v.what) };
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

/** Nothing held but in standing sales alone, which hold for longer, nothing on its way. Answers what is left when the time is up. */
async function untilQuiet(db: Postgres, load: Load): Promise<string> {
  const until = performance.now() + drainMaxMs;
  for (;;) {
    const { rows } = await db.query<{ held: number; commands: number; moves: number }>(
      `SELECT (SELECT count(*)::int FROM sale.orders o WHERE state = 'held'
                AND ('sal_' || substr(id, 5, 16) = ANY($1) OR EXISTS (
                  SELECT 1 FROM sale.order_lines l JOIN sale.order_lines m ON m.home = l.home
                   WHERE l.order_id = o.id AND 'sal_' || substr(m.order_id, 5, 16) = ANY($1)))) AS held,
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

/** The catalog shows every product as it was registered and last changed. */
async function untilShown(db: Postgres): Promise<string[]> {
  const until = performance.now() + drainMaxMs;
  for (;;) {
    const { rows } = await db.query<Shown>(
      `SELECT r.id, r.version, r.body->>'name' AS name, r.withdrawn_at IS NOT NULL AS withdrawn,
              p.version AS "shownVersion", p.name AS "shownName",
              p.withdrawn_at IS NOT NULL AS "shownWithdrawn"
         FROM sale.registrations r LEFT JOIN shop.products p ON p.id = r.id
        WHERE r.status = 'accepted'`,
    );
    const wrong = notShown(rows);
    if (wrong.length === 0 || performance.now() > until) return wrong;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** Orders and lines, once no order is between the expiry of its lines; as they are when the time is up. */
async function untilWhole(
  db: Postgres,
  sales: readonly string[],
): Promise<{ readonly rows: Rows; readonly several: LinesOf }> {
  const until = performance.now() + drainMaxMs;
  for (;;) {
    const rows = await readOrders(db, sales);
    const several = await readLines(db);
    if (!halfExpired(several, rows) || performance.now() > until) {
      return { rows, several };
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function readOrders(db: Postgres, sales: readonly string[]): Promise<Rows> {
  const { rows } = await db.query<OrderRow>(
    `SELECT o.id, o.shopper, o.state, o.units, o.held_at::float8 AS "heldAt",
            coalesce(i.product_id, '') AS product
       FROM sale.orders o
       LEFT JOIN sale.sale_items i
         ON i.sale_id = 'sal_' || substr(o.id, 5, 16) AND i.item = o.item
      WHERE 'sal_' || substr(o.id, 5, 16) = ANY($1)`,
    [sales],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Units that one shopper may have, by sale. */
async function readLimits(db: Postgres, sales: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; most: number }>(
    'SELECT id, limit_per_shopper AS most FROM sale.sales WHERE id = ANY($1)',
    [sales],
  );
  return new Map(rows.map(({ id, most }) => [id, most]));
}

/** What the books say was paid, by order. */
async function readPosted(db: Postgres): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; amount: string }>(
    `SELECT split_part(posting, ':', 1) AS id, sum(amount) AS amount FROM sale.ledger
      WHERE account = 'receivable' GROUP BY 1`,
  );
  return new Map(rows.map(({ id, amount }) => [id, Number(amount)]));
}
