/**
 * Replays lanes: proves that the accepted decisions follow from the log, one from the other, and
 * that lane and Postgres hold what they lead to. It changes nothing, and may run on a lane at work:
 * Postgres is compared at its watermark, each sale at the position at which it was read.
 */
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { AuditStores } from '../audit/audit-lane.ts';
import { scanLane, type LaneReading } from '../audit/lane-scan.ts';
import { compare, nameOf, type Position } from '../audit/positions.ts';
import type { RecordedOrder, SaleReading } from '../audit/records.ts';
import { endedAlikeSql, readLanes, readOrders, readSales, type LaneRow } from '../audit/tables.ts';
import { itemAt } from '../domain/lane/evolve.ts';
import type { LaneCommand } from '../domain/lane/words.ts';
import { orderKey, saleOfOrder } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import type { Entry } from '../lanes/codec.ts';
import {
  foundIn,
  idIn,
  laneSaleWrong,
  ordersOf,
  recordWrong,
  rowWrong,
  saleRowWrong,
  type Found,
} from './compare.ts';
import { readSettings } from '../settings.ts';
import { Judge, type Difference, type Unjudged } from './judge.ts';
import { bodyOf } from '../line/numbers.ts';
import { readLog } from './read-log.ts';
import { commandInWords, type CommandRow } from './words.ts';

export interface LaneReplayed {
  readonly lane: number;
  readonly entries: number;
  /** Decisions that were judged. */
  readonly decisions: number;
  readonly sales: number;
  readonly orders: number;
  readonly differences: readonly Difference[];
  /** Sales that could not be judged to the end. */
  readonly unjudged: readonly Unjudged[];
}

/** Replays one lane. `only` = the only sale to judge. Throws when a store does not tell. */
export function replayLane(
  stores: AuditStores,
  lane: number,
  only: SaleId | null,
  say: (line: string) => void,
): Promise<LaneReplayed> {
  return stores.db.tx((q) => new LaneReplay(stores, q, lane, only).run(say), {
    isolation: 'repeatable read',
    readOnly: true,
  });
}

/** Lanes to replay: all, or that of the only sale. Throws when there is none. */
export async function lanesOf(db: Db, only: SaleId | null): Promise<number[]> {
  const rows = await db.query<{ lane: number }>(
    `SELECT lane FROM sale.lanes
      WHERE $1::text IS NULL OR lane = (SELECT lane FROM sale.sales WHERE id = $1) ORDER BY lane`,
    [only],
  );
  if (rows.length === 0) throw new Error(only === null ? 'no lanes' : `there is no sale ${only}`);
  return rows.map((row) => row.lane);
}

interface Stop {
  readonly place: Position;
  readonly act: () => void | Promise<void>;
}

class LaneReplay {
  readonly #stores: AuditStores;
  readonly #q: Query;
  readonly #lane: number;
  readonly #only: SaleId | null;
  readonly #differences: Difference[] = [];
  /** Records that were read later than their sale's counters, and differ from it. */
  readonly #late = new Map<string, RecordedOrder>();
  #judge: Judge;

  constructor(stores: AuditStores, q: Query, lane: number, only: SaleId | null) {
    this.#stores = stores;
    this.#q = q;
    this.#lane = lane;
    this.#only = only;
    const nothing = { commands: new Map(), amended: new Set<SaleId>(), beheaded: false, only };
    this.#judge = new Judge(nothing);
  }

  async run(say: (line: string) => void): Promise<LaneReplayed> {
    const { kafka, topic, redis } = this.#stores;
    const row = (await readLanes(this.#q)).get(this.#lane);
    if (row === undefined) throw new Error(`Postgres has no lane ${this.#lane}`);
    const commands = await readCommands(this.#q, this.#lane);
    const amended = await readAmended(this.#q, this.#lane);
    const recovered = await readRecovered(this.#q, this.#lane);
    const name = `lane ${this.#lane}`;
    const reading = await scanLane(redis, this.#lane, this.#only, (n) =>
      say(`${name}: ${n} orders`),
    );
    const after = (await readLanes(this.#stores.db)).get(this.#lane) ?? row;
    const log = await readLog({
      deployment: (await readSettings(this.#q)).deployment,
      ...{ kafka, topic, lane: this.#lane, ends: after.ends, outbox: reading.outbox },
      ...{ settled: after.watermark, head: reading.state.head ?? row.watermark },
      onMessages: (n) => say(`${name}: ${n} messages`),
    });
    this.#differences.push(...log.differences);
    this.#judge = new Judge({ commands, only: this.#only, beheaded: log.beheaded, amended });
    const stops = log.cut ? [] : this.#stops(row, reading);
    let last: Position = { epoch: 1, seq: -1 };
    for (const entry of log.entries()) {
      await stopsBefore(stops, entry);
      if (recovered.some((epoch) => epoch >= last.epoch && epoch < entry.epoch)) {
        this.#judge.recovered(nameOf(entry));
      }
      this.#judge.take(entry);
      this.#settleLate(entry);
      last = entry;
    }
    // A recovery may have ended the last epoch of which there is any decision.
    if (recovered.some((epoch) => epoch >= last.epoch)) this.#judge.recovered(nameOf(last));
    await stopsBefore(stops, null);
    for (const { terms } of reading.sales.values()) this.#judge.unseen(terms.id);
    return this.#report(log.count);
  }

  #report(entries: number): LaneReplayed {
    for (const id of this.#late.keys()) {
      const sale = this.#judge.lane.sales.get(saleOfOrder(id));
      if (sale === undefined || !this.#judge.follows(sale.id)) continue;
      const order = ordersOf(sale).get(orderKey(id));
      const record = this.#late.get(id);
      const says =
        order === undefined || record === undefined
          ? 'its record is there, the log has no such order'
          : recordWrong(order, record);
      this.#found(this.#head(), foundIn(sale, 'record', says, id));
    }
    const judge = this.#judge;
    const sales = [...judge.lane.sales.values()];
    return {
      ...{ lane: this.#lane, entries, decisions: judge.judged, sales: sales.length },
      orders: sales.reduce((sum, sale) => sum + ordersOf(sale).size, 0),
      differences: [...this.#differences, ...judge.differences],
      unjudged: [...judge.unjudged.values()],
    };
  }

  #head(): Position {
    return this.#judge.lane;
  }

  #found(place: Position, found: Found): void {
    this.#differences.push({ position: nameOf(place), ...found });
  }

  /** Where the log is stopped at for a comparison, in its order. */
  #stops(row: LaneRow, reading: LaneReading): Stop[] {
    const stops: Stop[] = [
      { place: row.watermark, act: () => this.#comparePostgres(row.watermark) },
      ...[...reading.sales.values()].map((sale) => ({
        place: sale.cut,
        act: () => {
          this.#compareSale(sale);
        },
      })),
    ];
    for (const { id, says } of reading.unreadable) {
      this.#found(reading.state.head ?? row.watermark, {
        sale: id,
        order: null,
        rule: 'record',
        says,
      });
    }
    return stops.sort((a, b) => compare(a.place, b.place));
  }

  async #comparePostgres(at: Position): Promise<void> {
    const rows = await readSales(this.#q, this.#lane, this.#only);
    const left = new Map<SaleId, ReturnType<typeof ordersOf>>();
    for (const sale of this.#judge.lane.sales.values()) {
      if (!this.#judge.follows(sale.id)) continue;
      if (this.#only !== null && sale.id !== this.#only) continue;
      left.set(sale.id, ordersOf(sale));
      const row = rows.get(sale.id);
      const says = row === undefined ? 'Postgres does not have it' : saleRowWrong(sale, row);
      if (says !== '') this.#found(at, foundIn(sale, 'postgres', says, null));
    }
    const away = await readAwayOrders(this.#q, this.#lane);
    for await (const row of readOrders(this.#q, this.#lane, this.#only)) {
      const orders = left.get(saleOfOrder(row.id));
      const sale = this.#judge.lane.sales.get(saleOfOrder(row.id));
      if (orders === undefined || sale === undefined || away.has(row.id)) continue;
      const order = orders.get(orderKey(row.id));
      orders.delete(orderKey(row.id));
      const says =
        order === undefined
          ? `Postgres has it as ${row.state}, the log does not`
          : rowWrong(order, itemAt(sale, order.item).price, row);
      if (says !== '') this.#found(at, foundIn(sale, 'postgres', says, row.id));
    }
    for (const [id, orders] of left) {
      const sale = this.#judge.lane.sales.get(id);
      if (sale === undefined) continue;
      for (const [key, { state }] of orders) {
        if (away.has(idIn(sale, key))) continue;
        const says = `${state} by the log, and not in Postgres`;
        this.#found(at, foundIn(sale, 'postgres', says, idIn(sale, key)));
      }
    }
  }

  #compareSale(reading: SaleReading): void {
    const sale = this.#judge.lane.sales.get(reading.terms.id);
    if (sale === undefined || !this.#judge.follows(sale.id)) return;
    const says = laneSaleWrong(sale, reading);
    if (says !== '') this.#found(reading.cut, foundIn(sale, 'record', says, null));
    for (const { id, says: wrong } of reading.malformed) {
      this.#found(reading.cut, foundIn(sale, 'record', `${id}: ${wrong}`, null));
    }
    const orders = ordersOf(sale);
    for (const record of reading.orders.values()) {
      const order = orders.get(record.key);
      orders.delete(record.key);
      // It may have been read after the cut: what the log says of it from here on decides.
      if (order === undefined || recordWrong(order, record) !== '') {
        this.#late.set(idIn(sale, record.key), record);
      }
    }
    for (const [key, { state }] of orders) {
      const wrong = `${state} by the log, and in no record`;
      this.#found(reading.cut, foundIn(sale, 'record', wrong, idIn(sale, key)));
    }
  }

  /** Records that are what this entry has made of them were read after it. */
  #settleLate({ groups }: Entry): void {
    if (this.#late.size === 0) return;
    for (const [id] of groups) {
      const sale = this.#judge.lane.sales.get(id);
      if (sale === undefined) continue;
      for (const [key, order] of ordersOf(sale)) {
        const record = this.#late.get(idIn(sale, key));
        if (record !== undefined && recordWrong(order, record) === '') {
          this.#late.delete(idIn(sale, key));
        }
      }
    }
  }
}

/** Does what is to be done before an entry is taken; null = everything that is left. */
async function stopsBefore(stops: Stop[], entry: Position | null): Promise<void> {
  for (let next = stops[0]; next !== undefined; next = stops[0]) {
    if (entry !== null && compare(entry, next.place) <= 0) return;
    stops.shift();
    await next.act();
  }
}

async function readCommands(q: Query, lane: number): Promise<Map<number, LaneCommand>> {
  const rows = await q.query<CommandRow>(
    'SELECT number, kind, sale_id, body FROM sale.lane_commands WHERE lane = $1',
    [lane],
  );
  const commands = new Map<number, LaneCommand>();
  for (const row of rows) {
    const body = await bodyOf(q, row.kind, row.sale_id, row.body);
    const command = commandInWords({ ...row, body });
    if (command !== null) commands.set(row.number, command);
  }
  return commands;
}

/** Epochs that a recovery has ended. */
async function readRecovered(q: Query, lane: number): Promise<number[]> {
  const rows = await q.query<{ epoch: number }>(
    `SELECT epoch FROM sale.epochs WHERE lane = $1 AND ended_by = 'recover'`,
    [lane],
  );
  return rows.map(({ epoch }) => epoch);
}

/** Sales of which something is in quarantine, or was, or ended as another line that was. */
async function readAmended(q: Query, lane: number): Promise<Set<SaleId>> {
  const rows = await q.query<{ sale: SaleId }>(
    `SELECT event->>'sale' AS sale FROM sale.quarantine WHERE lane = $1
     UNION SELECT 'sal_' || substr(order_id, 5, 16) FROM (${endedAlikeSql}) alike`,
    [lane],
  );
  return new Set(rows.map(({ sale }) => sale));
}

async function readAwayOrders(q: Query, lane: number): Promise<Set<string>> {
  const rows = await q.query<{ id: string }>(
    `SELECT order_id AS id FROM sale.quarantine WHERE lane = $1 AND order_id IS NOT NULL
     UNION ${endedAlikeSql}`,
    [lane],
  );
  return new Set(rows.map(({ id }) => id));
}
