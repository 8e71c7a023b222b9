/** Checks within one lane: its numbers, records, deadlines and outbox against each other. */
import { Check, type CheckResult } from './report.ts';
import type { RawItem, RawLane, RawOrder, RawSale } from './raw-lane.ts';

const held = 1;
const paid = 2;
const isLive = (o: RawOrder): boolean => o.state === held || o.state === paid;
const unitsOf = (orders: readonly RawOrder[]): number =>
  orders.reduce((sum, o) => sum + o.units.length, 0);

export interface LaneChecks {
  readonly conservation: Check;
  readonly unique: Check;
  readonly limits: Check;
  readonly deadlines: Check;
  readonly outbox: Check;
}

export const laneChecks = (): LaneChecks => ({
  conservation: new Check(
    'lane.conservation',
    'allotted = free + held + sold, recounted from numbers and records; counters = recount',
  ),
  unique: new Check('lane.unique', 'no unit in two live orders, none live and free'),
  limits: new Check('lane.limits', 'units of a shopper, held and bought, within the limit'),
  deadlines: new Check('lane.deadlines', 'every held order stands in the index of deadlines'),
  outbox: new Check(
    'lane.outbox',
    'outbox dense up to its head, nothing missing above the watermark',
  ),
});

export const laneResults = (c: LaneChecks): CheckResult[] =>
  Object.values(c).map((x: Check) => x.result());

function checkItem(c: LaneChecks, sale: RawSale, it: RawItem, index: number): void {
  const own = sale.orders.filter((o) => o.item === index);
  const heldUnits = unitsOf(own.filter((o) => o.state === held));
  const soldUnits = unitsOf(own.filter((o) => o.state === paid));
  const waiting = [...sale.returned].filter((m) => m.startsWith(`${index}:`));
  const free = it.last - it.next + 1 + waiting.length;
  const where = `${sale.id} item ${index - 1}`;
  c.conservation.expect(it.allotted === free + heldUnits + soldUnits, () => {
    const parts = `${free} free + ${heldUnits} held + ${soldUnits} sold`;
    return `${where}: allotted ${it.allotted}, but ${parts}`;
  });
  c.conservation.expect(
    it.held === heldUnits && it.sold === soldUnits && it.returned === waiting.length,
    () => {
      const says = `${it.held} held, ${it.sold} sold, ${it.returned} returned`;
      return `${where}: counters say ${says}; recounted ${heldUnits}, ${soldUnits}, ${waiting.length}`;
    },
  );
  const owner = new Map<number, string>();
  for (const order of own.filter(isLive)) {
    for (const unit of order.units) {
      const other = owner.get(unit);
      c.unique.expect(
        other === undefined,
        () => `${where}: unit ${unit} in ${other ?? ''} and ${order.key}`,
      );
      owner.set(unit, order.key);
      c.unique.expect(
        unit >= 1 && unit < it.next && !sale.returned.has(`${index}:${unit}`),
        () => `${where}: unit ${unit} of ${order.key} is free or was never issued`,
      );
    }
  }
  for (const member of waiting) {
    const unit = Number(member.split(':')[1]);
    c.unique.expect(
      unit >= 1 && unit < it.next,
      () => `${where}: returned ${unit} was never issued`,
    );
  }
}

function checkShoppers(c: LaneChecks, sale: RawSale): void {
  const live = new Map<string, number>();
  const spilled = new Map<string, number>();
  for (const order of sale.orders) {
    if (isLive(order)) live.set(order.shopper, (live.get(order.shopper) ?? 0) + order.units.length);
    if (order.field !== order.shopper) {
      spilled.set(order.shopper, (spilled.get(order.shopper) ?? 0) + 1);
    }
  }
  for (const [shopper, head] of sale.heads) {
    const units = live.get(shopper) ?? 0;
    c.limits.expect(
      units <= sale.limit,
      () => `${sale.id}: ${shopper} has ${units} units, limit ${sale.limit}`,
    );
    c.limits.expect(
      head.owned === units && head.spilled === (spilled.get(shopper) ?? 0),
      () => `${sale.id}: the record of ${shopper} says ${head.owned} units, recounted ${units}`,
    );
  }
  for (const shopper of live.keys()) {
    c.limits.expect(sale.heads.has(shopper), () => `${sale.id}: ${shopper} has orders, no record`);
  }
}

function checkDeadlines(c: LaneChecks, lane: RawLane, sale: RawSale): void {
  for (const order of sale.orders.filter((o) => o.state === held)) {
    const at = sale.due.get(order.field);
    c.deadlines.expect(
      at !== undefined && at <= order.deadline,
      () => `${sale.id}: held ${order.key} of ${order.shopper} is not in the index in time`,
    );
  }
  const first = lane.dues.get(sale.id);
  c.deadlines.expect(
    sale.firstDue === null ? first === undefined : first === sale.firstDue,
    () =>
      `${sale.id}: its next deadline is ${String(sale.firstDue)}, the lane has ${String(first)}`,
  );
}

function checkOutbox(c: LaneChecks, lane: RawLane): void {
  const where = `lane ${lane.lane}`;
  const epoch = Number(lane.marker['epoch']);
  const head = Number(lane.clock['seq']);
  const mark = { epoch: Number(lane.watermark['epoch']), seq: Number(lane.watermark['seq']) };
  let before: { epoch: number; seq: number } | null = null;
  for (const { id } of lane.outbox) {
    const [e = 0, s = 0] = id.split('-').map(Number);
    const previous = before;
    const follows =
      previous === null ||
      (e === previous.epoch && s === previous.seq + 1) ||
      (e > previous.epoch && s === 0);
    c.outbox.expect(follows, () => `${where}: ${id} does not follow ${JSON.stringify(previous)}`);
    before = { epoch: e, seq: s };
  }
  const first = lane.outbox[0]?.id ?? null;
  const [firstEpoch = 0, firstSeq = 0] = first?.split('-').map(Number) ?? [];
  c.outbox.expect(
    first === null
      ? mark.epoch === epoch
        ? mark.seq === head
        : head === -1
      : firstEpoch > mark.epoch
        ? firstSeq === 0
        : firstSeq <= mark.seq + 1,
    () => `${where}: first entry ${first ?? 'none'}, watermark ${mark.epoch}-${mark.seq}`,
  );
  c.outbox.expect(
    before?.epoch !== epoch || before.seq === head,
    () => `${where}: last entry ${JSON.stringify(before)}, head ${epoch}-${head}`,
  );
}

/** Runs every check of a lane. */
export function checkLane(c: LaneChecks, lane: RawLane): void {
  for (const sale of lane.sales) {
    for (const [i, item] of sale.items.entries()) checkItem(c, sale, item, i + 1);
    checkShoppers(c, sale);
    checkDeadlines(c, lane, sale);
  }
  checkOutbox(c, lane);
}
