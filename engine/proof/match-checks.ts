/** Checks across stores: lane records against Postgres, the Kafka log against both. */
import { createHash } from 'node:crypto';
import type { KafkaPort } from '../../platform/kafka/port.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { Check, type CheckResult } from './report.ts';
import { decode, type RawLane } from './raw-lane.ts';

const stateNames = ['', 'held', 'paid', 'released', 'expired'];

interface OrderRow {
  readonly id: string;
  readonly shopper: string;
  readonly state: string;
  readonly item: number;
  readonly units: readonly number[];
}

/** Every record of a lane is a row and every row of its sales is a record. */
export async function checkMatch(q: Query, lanes: readonly RawLane[]): Promise<CheckResult> {
  const check = new Check('match.orders', 'every order of a lane = its row in Postgres, both ways');
  for (const sale of lanes.flatMap((l) => l.sales)) {
    const rows = await q.query<OrderRow>(
      `SELECT id, shopper, state, item, units FROM sale.orders
        WHERE id >= $1 AND id < $1 || '~'`,
      [`ord_${sale.tag}`],
    );
    const byId = new Map(rows.map((r) => [r.id, r]));
    for (const order of sale.orders) {
      const id = `ord_${sale.tag}${order.key}`;
      const row = byId.get(id);
      byId.delete(id);
      const state = stateNames[order.state] ?? '?';
      check.expect(
        row?.state === state &&
          row.shopper === order.shopper &&
          row.item === order.item - 1 &&
          row.units.join() === order.units.join(),
        () => {
          const lane = `${state} ${order.shopper} ${order.units.join()}`;
          const pg =
            row === undefined ? 'no row' : `${row.state} ${row.shopper} ${row.units.join()}`;
          return `${id}: lane ${lane}; Postgres ${pg}`;
        },
      );
    }
    for (const id of byId.keys()) check.expect(false, () => `${id}: in Postgres, not in its lane`);
  }
  return check.result();
}

interface LaneRow {
  readonly lane: number;
  readonly epoch: number;
  readonly last_command: number;
  readonly wm_epoch: number;
  readonly wm_seq: number;
  readonly decided: number;
}

/** What Postgres says of each lane = what its marker and copies say. */
export async function checkLanes(q: Query, lanes: readonly RawLane[]): Promise<CheckResult> {
  const check = new Check('match.lanes', 'marker, watermark and last command = Postgres’s');
  const rows = await q.query<LaneRow>(
    `SELECT l.lane, l.epoch, l.last_command, w.epoch AS wm_epoch, w.seq AS wm_seq, w.decided
       FROM sale.lanes l JOIN sale.watermarks w USING (lane)`,
  );
  for (const lane of lanes) {
    const row = rows.find((r) => r.lane === lane.lane);
    const where = `lane ${lane.lane}`;
    check.expect(lane.marker['epoch'] !== undefined, () => `${where}: no marker`);
    check.expect(lane.frozen === null, () => `${where}: frozen: ${lane.frozen ?? ''}`);
    check.expect(
      Number(lane.marker['epoch']) === row?.epoch,
      () => `${where}: epoch ${lane.marker['epoch'] ?? '-'}, Postgres ${row?.epoch ?? '-'}`,
    );
    check.expect(
      lane.lastCommand === row?.last_command,
      () => `${where}: last command ${lane.lastCommand}, Postgres ${row?.last_command ?? '-'}`,
    );
    check.expect(
      Number(lane.clock['decided']) === row?.decided,
      () => `${where}: ${lane.clock['decided'] ?? '-'} decided, ${row?.decided ?? '-'} settled`,
    );
    for (const sale of lane.sales) {
      check.expect(sale.frozen === null, () => `${sale.id}: frozen: ${sale.frozen ?? ''}`);
    }
  }
  return check.result();
}

/** The items of a lane's sales = Postgres's. */
export async function checkItems(q: Query, lanes: readonly RawLane[]): Promise<CheckResult> {
  const check = new Check('match.items', 'allotted and price of each item = Postgres’s');
  const rows = await q.query<{ at: string; allotted: number; price: number }>(
    `SELECT sale_id || '/' || item AS at, allotted, price FROM sale.sale_items`,
  );
  const byAt = new Map(rows.map((r) => [r.at, r]));
  for (const sale of lanes.flatMap((l) => l.sales)) {
    for (const [i, item] of sale.items.entries()) {
      const row = byAt.get(`${sale.id}/${i}`);
      check.expect(
        row?.allotted === item.allotted && row.price === item.price,
        () =>
          `${sale.id} item ${i}: lane ${item.allotted} at ${item.price}, Postgres ` +
          `${row?.allotted ?? '-'} at ${row?.price ?? '-'}`,
      );
    }
  }
  return check.result();
}

type Decoded = readonly [number, number, number, number, unknown, number, [string, unknown[][]][]];

/** Reads a lane's whole partition: dense, one payload for a position, orders as Postgres has them. */
export async function checkLog(
  q: Query,
  kafka: KafkaPort,
  topic: string,
  lanes: readonly RawLane[],
): Promise<CheckResult> {
  const check = new Check(
    'log.kafka',
    'the log has every settled position once or alike, no others',
  );
  const ends = await kafka.ends(topic);
  for (const lane of lanes) {
    const end = ends.get(lane.lane);
    const where = `lane ${lane.lane}`;
    check.expect(end !== undefined, () => `${where}: no partition`);
    if (end === undefined) continue;
    const seen = new Map<string, string>();
    const held = new Set<string>();
    if (end.high > end.low) {
      await kafka.read(topic, lane.lane, end.low, end.high, (message) => {
        const entry = decode(message.value) as Decoded;
        const at = `${entry[1]}-${entry[2]}`;
        const digest = createHash('sha256').update(message.value).digest('base64');
        const before = seen.get(at);
        check.expect(
          before === undefined || before === digest,
          () => `${where} ${at}: two payloads`,
        );
        seen.set(at, digest);
        for (const [sale, events] of entry[6]) {
          for (const e of events) {
            if (e[0] === 'held') held.add(`ord_${sale.slice(4)}${String(e[1])}`);
          }
        }
      });
    }
    await checkPositions(q, check, lane, seen, end.low === 0n);
    if (end.low === 0n) await checkHeld(q, check, lane, held);
  }
  return check.result();
}

async function checkPositions(
  q: Query,
  check: Check,
  lane: RawLane,
  seen: ReadonlyMap<string, string>,
  complete: boolean,
): Promise<void> {
  const epochs = await q.query<{ epoch: number; ended_at: number | null }>(
    'SELECT epoch, ended_at FROM sale.epochs WHERE lane = $1 ORDER BY epoch',
    [lane.lane],
  );
  const mark = { epoch: Number(lane.watermark['epoch']), seq: Number(lane.watermark['seq']) };
  const legal = new Set<string>();
  for (const { epoch, ended_at } of epochs) {
    const last = ended_at ?? Number(lane.clock['seq']);
    for (let seq = 0; seq <= last; seq++) {
      const at = `${epoch}-${seq}`;
      legal.add(at);
      const settled = epoch < mark.epoch || (epoch === mark.epoch && seq <= mark.seq);
      if (complete && settled) {
        check.expect(seen.has(at), () => `lane ${lane.lane} ${at}: settled, not in the log`);
      }
    }
  }
  for (const at of seen.keys()) {
    check.expect(legal.has(at), () => `lane ${lane.lane} ${at}: no lane can have decided it`);
  }
}

async function checkHeld(
  q: Query,
  check: Check,
  lane: RawLane,
  held: ReadonlySet<string>,
): Promise<void> {
  for (const sale of lane.sales) {
    const rows = await q.query<{ id: string }>(
      `SELECT id FROM sale.orders WHERE id >= $1 AND id < $1 || '~'`,
      [`ord_${sale.tag}`],
    );
    for (const { id } of rows) {
      check.expect(held.has(id), () => `${id}: in Postgres, never held in the log`);
    }
    const known = new Set(rows.map((r) => r.id));
    for (const id of held) {
      if (id.startsWith(`ord_${sale.tag}`)) {
        check.expect(known.has(id), () => `${id}: held in the log, not in Postgres`);
      }
    }
  }
}
