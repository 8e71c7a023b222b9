/** Checks one sale of a lane at its cut: units, counters, limits, deadlines, recounted. */
import type { ExpectedSale } from './cut.ts';
import type { Findings } from './findings.ts';
import { orderOf } from './names.ts';
import { isLive, ordersOf, recordStates, type RecordedOrder, type SaleReading } from './records.ts';

interface Recount {
  held: number;
  sold: number;
  /** Who has a number. */
  readonly owners: Map<number, RecordedOrder>;
}

/** `expected` = the sale as Postgres has it; null = Postgres has no such sale. */
export function checkSaleUnits(
  sale: SaleReading,
  expected: ExpectedSale | null,
  findings: Findings,
): void {
  const counts = sale.terms.items.map((): Recount => ({ held: 0, sold: 0, owners: new Map() }));
  const ended = { expired: 0, released: 0 };
  for (const order of sale.orders.values()) {
    if (order.state === 0) continue;
    const units = order.units.length;
    if (recordStates[order.state] === 'expired') ended.expired += units;
    if (recordStates[order.state] === 'released') ended.released += units;
    countOrder(sale, order, counts, findings);
    checkDeadline(sale, order, findings);
  }
  for (const [item, recount] of counts.entries()) {
    checkReturned(sale, item, recount, findings);
    checkConservation(sale, item, recount, expected, findings);
    checkCounters(sale, item, recount, findings);
  }
  checkSaleCounters(sale, ended, expected, findings);
  checkShoppers(sale, findings);
  checkDues(sale, findings);
}

const itemName = (sale: SaleReading, item: number): string => `${sale.terms.id} item ${item}`;
const nameOf = (sale: SaleReading, order: RecordedOrder): string => orderOf(sale.tag, order.key);

function countOrder(
  sale: SaleReading,
  order: RecordedOrder,
  counts: readonly Recount[],
  findings: Findings,
): void {
  const check = findings.of('lane.unique');
  const id = nameOf(sale, order);
  const recount = counts[order.item];
  const terms = sale.terms.items[order.item];
  if (recount === undefined || terms === undefined) {
    check.violate(id, `its item ${order.item} is none of the sale's`);
    return;
  }
  for (const unit of order.units) {
    check.checked += 1;
    // One that got none of its units may name some that there never were.
    const named = order.wasAway && !isLive(order.state);
    if (!named && (unit < 1 || unit >= terms.next)) {
      check.violate(id, `unit ${unit} was never issued: the next number is ${terms.next}`);
    }
    if (!isLive(order.state)) continue;
    const owner = recount.owners.get(unit);
    if (owner !== undefined) {
      const other = `${nameOf(sale, owner)} of ${owner.shopper}`;
      check.violate(id, `unit ${unit} is live in it and in ${other}`);
    }
    recount.owners.set(unit, order);
  }
  if (order.state === 1) recount.held += order.units.length;
  if (order.state === 2) recount.sold += order.units.length;
}

function checkReturned(
  sale: SaleReading,
  item: number,
  { owners }: Recount,
  findings: Findings,
): void {
  const check = findings.of('lane.unique');
  const next = sale.terms.items[item]?.next ?? 0;
  for (const number of sale.returned[item] ?? []) {
    check.checked += 1;
    const owner = owners.get(number);
    if (owner !== undefined) {
      check.violate(nameOf(sale, owner), `unit ${number} is live in it and free`);
    }
    if (number < 1 || number >= next) {
      check.violate(itemName(sale, item), `unit ${number} is free and was never issued`);
    }
  }
}

function checkConservation(
  sale: SaleReading,
  item: number,
  { held, sold }: Recount,
  expected: ExpectedSale | null,
  findings: Findings,
): void {
  const check = findings.of('lane.conservation');
  check.checked += 1;
  const terms = sale.terms.items[item];
  if (terms === undefined || expected === null) return;
  const moved = expected.items[item]?.moved ?? 0;
  const fresh = terms.last - terms.next + 1;
  const back = sale.returned[item]?.length ?? 0;
  if (fresh + back + held + sold === moved && fresh >= 0) return;
  check.violate(
    itemName(sale, item),
    `${moved} by its moves, but ${fresh} never issued + ${back} returned + ${held} held + ` +
      `${sold} sold = ${fresh + back + held + sold}`,
  );
}

function checkCounters(
  sale: SaleReading,
  item: number,
  recount: Recount,
  findings: Findings,
): void {
  const check = findings.of('lane.counters');
  const terms = sale.terms.items[item];
  if (terms === undefined) return;
  const back = sale.returned[item]?.length ?? 0;
  const free = terms.last - terms.next + 1 + back;
  for (const [name, says, counted] of [
    ['allotted', terms.allotted, free + recount.held + recount.sold],
    ['held', terms.held, recount.held],
    ['sold', terms.sold, recount.sold],
    ['returned', terms.returned, back],
  ] as const) {
    check.checked += 1;
    if (says !== counted) check.violate(itemName(sale, item), `${name} ${says}, found ${counted}`);
  }
}

function checkSaleCounters(
  sale: SaleReading,
  ended: { readonly expired: number; readonly released: number },
  expected: ExpectedSale | null,
  findings: Findings,
): void {
  const check = findings.of('lane.counters');
  const { id, expired, released, creditsIn } = sale.terms;
  for (const [name, says, counted] of [
    ['expired', expired, ended.expired],
    ['released', released, ended.released],
    ['credits in', creditsIn, expected?.credits ?? creditsIn],
  ] as const) {
    check.checked += 1;
    if (says !== counted) check.violate(id, `${name} ${says}, found ${counted}`);
  }
  for (const { shopper, says } of sale.wrongHeads) check.violate(`${id} ${shopper}`, says);
  for (const member of sale.strayReturned) check.violate(id, `returned number ${member} is none`);
  for (const [shopper, head] of sale.spilling) {
    let [owned, spilled] = [0, 0];
    for (const order of ordersOf(sale, shopper)) {
      if (isLive(order.state)) owned += order.units.length;
      if (order.spilled) spilled += 1;
    }
    if (owned === head.owned && spilled === head.spilled) continue;
    const says = `says ${head.owned} units, ${head.spilled} spilled; has ${owned} and ${spilled}`;
    check.violate(`${id} ${shopper}`, says);
  }
}

function checkShoppers(sale: SaleReading, findings: Findings): void {
  const check = findings.of('lane.limits');
  for (const shopper of sale.shoppers.keys()) {
    check.checked += 1;
    let owned = 0;
    for (const order of ordersOf(sale, shopper)) {
      if (isLive(order.state)) owned += order.units.length;
    }
    const { id, limit } = sale.terms;
    if (owned > limit) {
      check.violate(`${id} ${shopper}`, `has ${owned} units, the limit is ${limit}`);
    }
  }
}

function checkDeadline(sale: SaleReading, order: RecordedOrder, findings: Findings): void {
  if (order.state !== 1) return;
  const check = findings.of('lane.deadlines');
  check.checked += 1;
  if (!order.due) {
    check.violate(nameOf(sale, order), `not in the deadline index at ${order.deadline}`);
  }
}

function checkDues(sale: SaleReading, findings: Findings): void {
  const check = findings.of('lane.deadlines');
  check.checked += 1;
  if (sale.firstDue === sale.dueAt) return;
  const [first, at] = [sale.firstDue, sale.dueAt].map((score) => score ?? 'none');
  check.violate(sale.terms.id, `its first deadline is ${first}, the lane's dues say ${at}`);
}
