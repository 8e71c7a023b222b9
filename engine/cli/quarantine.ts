/** `highnoon quarantine list|resolve`: exit 0 = listed, or resolved and every touched lane serves. */
import type { Db, Query } from '../../platform/postgres/db.ts';
import { isOrderId } from '../domain/ids.ts';
import type { OrderId } from '../domain/types.ts';
import { readAway, isMeant, type Away, type Chosen } from '../quarantine/rows.ts';
import { resolveLane, type Resolved } from '../quarantine/resolve.ts';
import { wholesOf } from '../quarantine/whole.ts';
import { recoverLane } from '../recover.ts';
import { isLoss, recoveryTold } from '../recover/found.ts';
import { readSettings } from '../settings.ts';
import { lockWatermark } from '../settle/settlement.ts';
import { exitWith, readArguments } from './arguments.ts';
import { jsonRows } from './json-rows.ts';
import { lossOf } from './loss-text.ts';
import { progressLine } from './progress.ts';
import { recoverOptions } from './recover-options.ts';
import { misused, runCommand, withStores, type Stores } from './run.ts';

const usage = `highnoon quarantine list    [--lane N] [--json]
highnoon quarantine resolve ORDER… | --all [--lane N] [--dry-run] [--json]

Decisions that can never settle are put away, and their lane is frozen until they are resolved.
  list       what is put away: where, when, why
  resolve    resolves the orders named, or everything. It recovers the lane (see recover): freezes it,
             settles the rest, resolves, makes the lane anew from Postgres. For each order:
               settled   its cause is gone: it settles as it was decided
               ended     Postgres has it held: it ends as its shopper was told
               stands    Postgres has it as it should be
               voided    it gets no units and ends as released (or as it had ended)
               refunded  the same, and its shopper had been told that it is paid
             Of an order with several lines all are meant, whichever is named, and end alike.
             A lane command settles, or counts as refused and is written again where it is needed
  --dry-run  says what resolve would do, as things are now, and changes nothing
  --lane N   only of this lane
  --json     one JSON document: an array of the rows (list), or what was done (resolve)
Exit 0: listed; or all that was meant is resolved and its lanes serve. 1: something is not, or a
lane stays frozen. 2: not done; run it again.`;

interface Options {
  readonly lane: number | null;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** As typed; null = everything. */
type Asked = Options & { readonly named: readonly OrderId[] | null };
type Meant = Options & { readonly orders: Chosen };

const placeOf = ({ epoch, seq, index }: Away): string => `${epoch}-${seq}.${index}`;

function shownOf(row: Away): object {
  const { lane, order, event, reason, live, at } = row;
  return { lane, position: placeOf(row), order, event, reason, in_doubt: live, at };
}

function print(row: Away): void {
  const { lane, order, event, reason, live, at } = row;
  const what = order ?? `${event.sale}, a lane command or latch`;
  process.stdout.write(
    `lane ${lane} ${placeOf(row)}  ${at.toISOString()}  ${event.type}  ${what}\n` +
      `    ${reason}${live ? '' : ' (lost with its lane)'}\n`,
  );
}

async function list(db: Db, { lane, json }: Options): Promise<number> {
  const rows = await readAway(db, lane);
  if (json) {
    const list = jsonRows();
    for (const row of rows) list.row(shownOf(row));
    list.end();
    return exitWith.held;
  }
  for (const row of rows) print(row);
  process.stdout.write(`${rows.length === 0 ? 'nothing' : rows.length} put away\n`);
  return exitWith.held;
}

/** Undoes what was tried. */
class DryRun extends Error {}

const now = async (q: Query): Promise<number> => {
  const [row] = await q.query<{ now: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
  );
  return row?.now ?? Date.now();
};

async function tryLane(db: Db, lane: number, orders: Chosen): Promise<Resolved[]> {
  let resolved: Resolved[] = [];
  const tried = db.tx(async (q) => {
    await lockWatermark(q, lane);
    resolved = await resolveLane(q, lane, orders, await now(q));
    throw new DryRun();
  });
  await tried.catch((error: unknown) => {
    if (!(error instanceof DryRun)) throw error;
  });
  return resolved;
}

interface LaneResolved {
  readonly lane: number;
  readonly resolved: readonly Resolved[];
  /** Why the lane stays frozen; '' = it serves. */
  readonly frozen: string;
  /** What its recovery says is lost; '' = nothing. */
  readonly lost: string;
  /** The epoch that it serves in; 0 = it was not recovered. */
  readonly epoch: number;
}

async function resolveLanes(stores: Stores, lanes: readonly number[], asked: Meant) {
  const { db, kafka } = stores;
  const all: LaneResolved[] = [];
  if (asked.dryRun) {
    for (const lane of lanes) {
      const resolved = await tryLane(db, lane, asked.orders);
      all.push({ lane, resolved, frozen: '', lost: '', epoch: 0 });
    }
    return all;
  }
  const settings = await readSettings(db);
  const producer = await kafka.producer();
  const progress = progressLine();
  for (const lane of lanes) {
    let resolved: Resolved[] = [];
    const amend = async (q: Query): Promise<void> => {
      resolved = await resolveLane(q, lane, asked.orders, await now(q));
    };
    const options = recoverOptions(stores, settings, producer, lane, progress);
    const recovered = await recoverLane({ ...options, amend }, lane);
    progress.clear();
    const { frozen, epoch, found, lostAtLeast } = recovered;
    const lost = isLoss({ found, lost: lostAtLeast }) ? lossOf(recovered) : '';
    all.push({ lane, resolved, frozen, lost, epoch });
  }
  return all;
}

function show({ lane, resolved, frozen, lost }: LaneResolved, dryRun: boolean): void {
  for (const { position, order, events, resolution, says } of resolved) {
    const what = `lane ${lane} ${position}  ${order ?? 'a lane command'}`;
    const verdict = resolution ?? 'NOT RESOLVED';
    process.stdout.write(`${what}  ${verdict}${dryRun ? ' (dry run)' : ''}\n    ${says}`);
    process.stdout.write(events > 1 ? ` (${events} events)\n` : '\n');
  }
  if (dryRun) return;
  if (lost !== '') process.stdout.write(`lane ${lane}: ${lost}\n`);
  process.stdout.write(
    frozen === '' ? `lane ${lane} serves\n` : `lane ${lane} STAYS FROZEN: ${frozen}\n`,
  );
}

/** Lanes that are frozen for a quarantine. */
async function frozenLanes(db: Db, { lane }: Options): Promise<number[]> {
  const rows = await db.query<{ lane: number }>(
    `SELECT lane FROM sale.lanes
      WHERE state = 'frozen' AND reasons @> '[{"code": "quarantine"}]'
        AND ($1::int IS NULL OR lane = $1)`,
    [lane],
  );
  return rows.map((row) => row.lane);
}

async function resolve(stores: Stores, { named, ...rest }: Asked): Promise<number> {
  const wholes = await wholesOf(stores.db, named ?? []);
  const orders = named === null ? null : new Set([...wholes.values()].flat());
  const asked = { ...rest, orders };
  const rows = (await readAway(stores.db, asked.lane)).filter((row) => isMeant(row, orders));
  const isAway = (id: OrderId): boolean => rows.some(({ order }) => order === id);
  const missing = (named ?? []).filter((id) => wholes.get(id)?.some(isAway) !== true);
  for (const id of missing) process.stderr.write(`${id} has nothing in quarantine\n`);
  const lanes = new Set(rows.map(({ lane }) => lane));
  // A run that was cut has resolved everything, and left its lane frozen.
  if (asked.orders === null) {
    for (const lane of await frozenLanes(stores.db, asked)) lanes.add(lane);
  }
  const all = await resolveLanes(stores, [...lanes], asked);
  if (asked.json) {
    process.stdout.write(`${JSON.stringify({ dry_run: asked.dryRun, missing, lanes: all })}\n`);
  } else {
    for (const one of all) show(one, asked.dryRun);
    if (lanes.size === 0) process.stdout.write('nothing to resolve\n');
  }
  if (!asked.dryRun) {
    for (const { lane, epoch } of all) await recoveryTold(stores.db, lane, epoch);
  }
  const open = all.some(({ frozen, resolved }) => {
    return frozen !== '' || resolved.some(({ resolution }) => resolution === null);
  });
  return open || missing.length > 0 ? exitWith.violated : exitWith.held;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      lane: { type: 'string' },
      all: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb, ...orders] = positionals;
  if (verb !== 'list' && verb !== 'resolve') {
    return misused('quarantine: list or resolve?', usage);
  }
  if (verb === 'list' && (orders.length > 0 || values.all)) {
    return misused('quarantine list takes no orders: it lists all', usage);
  }
  if (verb === 'resolve' && (orders.length === 0) !== values.all) {
    return misused('quarantine resolve: which orders, or --all?', usage);
  }
  const wrong = orders.find((id) => !isOrderId(id));
  if (wrong !== undefined) return misused(`${wrong} is no order`, usage);
  if (values.lane !== undefined && !/^\d{1,4}$/.test(values.lane)) {
    return misused(`--lane: ${values.lane} is no lane`, usage);
  }
  const asked: Asked = {
    named: values.all || verb === 'list' ? null : orders,
    lane: values.lane === undefined ? null : Number(values.lane),
    dryRun: values['dry-run'],
    json: values.json,
  };
  return withStores('quarantine', (stores) =>
    verb === 'list' ? list(stores.db, asked) : resolve(stores, asked),
  );
}

runCommand('not resolved', main);
