/** What must hold in a lane at every moment. Pure. */
import { dueName } from './due.ts';
import { violationsOfLine } from './invariants-line.ts';
import { owned } from './record.ts';
import type { DueName, Item, Lane, Order, Sale } from './state.ts';
import { available } from './units.ts';

/** Every rule that is broken, in words; empty = none. */
export function violations(lane: Lane): string[] {
  return [...lane.sales.values()].flatMap((sale) => [
    ...sale.items.flatMap((it, index) => ofItem(sale, it, index)),
    ...ofRecords(sale),
    ...ofDue(sale),
    ...violationsOfLine(sale),
  ]);
}

function ofItem(sale: Sale, it: Item, index: number): string[] {
  const found: string[] = [];
  const name = `${sale.id} item ${index}`;
  const orders = ordersOf(sale).filter((order) => order.item === index);
  const out = unitsOf(orders, 'held');
  const sold = unitsOf(orders, 'paid');
  const numbers = [...out, ...sold, ...it.returned];
  if (it.allotted !== available(it) + it.held + it.sold) {
    found.push(`${name}: ${it.allotted} allotted, not available + held + sold`);
  }
  if (out.length !== it.held) found.push(`${name}: ${it.held} held, orders hold ${out.length}`);
  if (sold.length !== it.sold) found.push(`${name}: ${it.sold} sold, orders own ${sold.length}`);
  if (new Set(numbers).size !== numbers.length) found.push(`${name}: a number is there twice`);
  if (numbers.some((number) => number < 1 || number >= it.next)) {
    found.push(`${name}: a number that was never issued`);
  }
  if (it.next > it.last + 1) found.push(`${name}: next ${it.next} is beyond last ${it.last}`);
  if (it.returned.some((number, i) => number <= (it.returned[i - 1] ?? 0))) {
    found.push(`${name}: returned numbers out of order`);
  }
  if (sale.state === 'closed' && (it.held > 0 || available(it) > 0)) {
    found.push(`${name}: closed with units held or free`);
  }
  return found;
}

function ofRecords(sale: Sale): string[] {
  return [...sale.records]
    .filter(([, record]) => owned(record) > sale.limit)
    .map(([shopper]) => `${sale.id}: ${shopper} owns more than ${sale.limit}`);
}

/** A hold that no member of the index names would never expire by itself. */
function ofDue(sale: Sale): string[] {
  const text = (name: DueName, deadline: number): string =>
    `${name.shopper}|${name.key} ${deadline}`;
  const named = new Set(sale.due.flatMap((m) => m.names.map((name) => text(name, m.deadline))));
  return [...sale.records].flatMap(([shopper, record]) =>
    record.orders
      .filter((o) => o.state === 'held')
      .filter((o) => !named.has(text(dueName(shopper, record, o), o.deadline)))
      .map((o) => `${sale.id}: hold ${o.key} is in no deadline index`),
  );
}

const ordersOf = (sale: Sale): Order[] =>
  [...sale.records.values()].flatMap((record) => record.orders);

const unitsOf = (orders: readonly Order[], state: Order['state']): number[] =>
  orders.filter((order) => order.state === state).flatMap((order) => order.units);
