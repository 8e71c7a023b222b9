// The judge of the drills sees a limit that was passed, money that is wrong, a product not shown.
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import type { KnownOrder, OrderRow } from '../../drill/history.ts';
import { misposted, notShown, overLimit, type Shown } from '../../drill/judge-books.ts';

const [sale, other] = [0, 1].map((n) => saleIdOf(0, Buffer.alloc(8, n))) as [
  ReturnType<typeof saleIdOf>,
  ReturnType<typeof saleIdOf>,
];

const row = (n: number, more: Partial<OrderRow> = {}, of = sale): OrderRow => ({
  ...{ id: orderIdOf(of, String(n).repeat(24)), shopper: 'sho_1', state: 'paid' },
  ...{ units: [String(n)], heldAt: n, product: 'prd_1', ...more },
});
const rowsOf = (...rows: readonly OrderRow[]) => new Map(rows.map((one) => [one.id, one]));

describe('limits', () => {
  const limits = new Map([[sale, 2]]);

  it('hold for what a shopper has in one sale', () => {
    const ended = [row(3, { state: 'expired' }), row(4, { state: 'released' })];
    const elsewhere = [row(5, { shopper: 'sho_2' }), row(6, {}, other)];
    const rows = rowsOf(row(1), row(2, { state: 'held' }), ...ended, ...elsewhere);
    expect(overLimit(rows, limits)).toEqual([]);
  });

  it('are passed by one order, or by several together', () => {
    const says = [`I4: sho_1 has 3 units of ${sale}`];
    expect(overLimit(rowsOf(row(1, { units: ['1', '2', '3'] })), limits)).toEqual(says);
    const together = rowsOf(row(1, { units: ['1', '2'] }), row(3, { state: 'held' }));
    expect(overLimit(together, limits)).toEqual(says);
  });
});

describe('the books', () => {
  const { id } = row(1);
  const told = { orders: new Map([[id, { id, amount: 300 } as KnownOrder]]) };
  const paid = rowsOf(row(1));

  it('have what was quoted, over all lines', () => {
    expect(misposted(told, paid, new Map(), new Map([[id, 300]]))).toEqual([]);
    const lines = new Map([[id, [id, 'ord_2']]]);
    const posted = new Map([
      [id, 100],
      ['ord_2', 200],
    ]);
    expect(misposted(told, paid, lines, posted)).toEqual([]);
    expect(misposted(told, rowsOf(row(1, { state: 'expired' })), new Map(), new Map())).toEqual([]);
  });

  it.each([[[]], [[[id, 299]]], [[[id, 600]]]] as const)('are wrong with %j', (posted) => {
    const amounts = new Map<string, number>(posted);
    expect(misposted(told, paid, new Map(), amounts)).toHaveLength(1);
  });
});

describe('the catalog', () => {
  const product: Shown = {
    ...{ id: 'prd_1', version: 2, name: 'B', withdrawn: false },
    ...{ shownVersion: 2, shownName: 'B', shownWithdrawn: false },
  };

  it('shows a product as it is', () => {
    expect(notShown([product])).toEqual([]);
  });

  it.each<Partial<Shown>>([
    { shownVersion: null, shownName: null },
    { shownVersion: 1 },
    { shownName: 'A' },
    { shownWithdrawn: true },
    { withdrawn: true },
  ])('is behind when %j', (wrong) => {
    expect(notShown([{ ...product, ...wrong }])).toHaveLength(1);
  });
});
