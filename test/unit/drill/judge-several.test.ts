// The judge of orders with several lines, and of changed sales, sees what it is there to see.
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import {
  History,
  type Asked,
  type KnownChange,
  type KnownOrder,
  type OrderRow,
} from '../../drill/history.ts';
import { compare } from '../../drill/judge.ts';
import { judgeChanges, type LinesOf, type TermsRow } from '../../drill/judge-several.ts';

const [one, two] = [1, 2].map((n) => saleIdOf(0, Buffer.alloc(8, n))) as [string, string];
const home = orderIdOf(one, `${'1'.repeat(20)}many`);
const part = orderIdOf(two, `${'1'.repeat(20)}part`);
const linesOf = new Map([[home, [home, part]]]);

const order: KnownOrder = {
  ...{ id: home, sale: one, product: 'prd_1', shopper: 0, units: [4, 7, 8], amount: 300 },
  lines: [
    { sale: one, product: 'prd_1', units: [4] },
    { sale: two, product: 'prd_2', units: [7, 8] },
  ],
  ...{ askedAt: 1, answeredAt: 2, payAsked: true, releaseAsked: false, end: 'paid' },
};
const rows: readonly OrderRow[] = [
  { id: home, shopper: 'sho_1', state: 'paid', units: ['4'], heldAt: 5 },
  { id: part, shopper: 'sho_1', state: 'paid', units: ['7', '8'], heldAt: 5 },
];

function judged(there: readonly OrderRow[], known: readonly KnownOrder[] = [order]) {
  const history = new History();
  for (const told of known) history.orders.set(told.id, told);
  const byId = new Map(there.map((row) => [row.id, row]));
  const { violations, lost, oversold } = compare(history, ['sho_1'], byId, new Set(), linesOf);
  return { says: violations.map(({ what }) => what).join('; '), lost, oversold };
}

const changed = (id: string, more: Partial<OrderRow>): OrderRow[] =>
  rows.map((row) => (row.id === id ? { ...row, ...more } : row));

describe('an order with several lines', () => {
  it('is as it was answered', () => {
    expect(judged(rows)).toEqual({ says: '', lost: [], oversold: [] });
  });

  it('is held as a whole, or blamed', () => {
    const found = judged(rows.slice(0, 1));
    expect(found.lost).toEqual([part]);
    expect(found.says).toContain(`${home} has 1 of its 2 lines`);
  });

  it.each<[string, Partial<OrderRow>]>([
    ['lines that are paid 5 sho_1 and expired 5 sho_1', { state: 'expired' }],
    ['lines that are paid 5 sho_1 and paid 6 sho_1', { heldAt: 6 }],
    ['belongs to sho_2', { shopper: 'sho_2' }],
    ['was answered with 7,8, stored with 7,9', { units: ['7', '9'] }],
  ])('has %s', (says, wrong) => {
    expect(judged(changed(part, wrong)).says).toContain(says);
  });

  it('is blamed with all its lines when it has the end that was refused', () => {
    const history = new History();
    history.orders.set(home, { ...order, end: null });
    history.commands.push({ verb: 'pay', order: home, outcome: 'refused' } as Asked);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const { violations } = compare(history, ['sho_1'], byId, new Set(), linesOf);
    expect(violations.map(({ what }) => what)).toEqual(
      [home, part].map((id) => `I6: ${id} is paid, which was refused`),
    );
  });

  it('that nobody was told of is blamed, its parts too', () => {
    const { says } = judged(rows, []);
    expect(says).toContain(`I3: ${home} was never answered`);
    expect(says).toContain(`I3: ${part} was never answered`);
  });

  const late = { outcome: 'refused', startedAt: 1, answeredAt: 2, tries: 2, unavailable: 0 };
  const found = (commands: readonly object[], there: readonly OrderRow[], of: LinesOf) => {
    const history = new History();
    for (const one of commands) history.commands.push({ ...late, shopper: 0, ...one } as Asked);
    const byId = new Map(there.map((row) => [row.id, row]));
    return compare(history, ['sho_1'], byId, new Set(), of).violations.length;
  };

  it('may be held late for who was refused meanwhile, and expires', () => {
    const expired = rows.map((row) => ({ ...row, state: 'expired' }));
    const body = { lines: [{ quantity: 1 }, { quantity: 2 }] };
    const asked = (silent: number) => [{ verb: 'checkout', sale: '', body, silent }];
    expect(found(asked(1), expired, linesOf)).toBe(0);
    expect(found(asked(0), expired, linesOf)).toBe(2);
    expect(found(asked(1), rows, linesOf)).toBe(2);
  });

  it('may be so with one line too, each by a refusal of its own', () => {
    const row = (id: string) => ({
      ...{ id: orderIdOf(two, id.repeat(24)), shopper: 'sho_1', units: ['8'], heldAt: 5 },
      state: 'expired',
    });
    const asked = { verb: 'hold', sale: two, body: { quantity: 1 }, silent: 1 };
    const none: LinesOf = new Map();
    expect(found([asked], [row('2')], none)).toBe(0);
    expect(found([asked], [row('2'), row('3')], none)).toBe(1);
    expect(found([asked, asked], [row('2'), row('3')], none)).toBe(0);
    expect(found([{ ...asked, silent: 0 }], [row('2')], none)).toBe(1);
    expect(found([{ ...asked, sale: one }], [row('2')], none)).toBe(1);
    expect(found([{ ...asked, shopper: 1 }], [row('2')], none)).toBe(1);
    expect(found([{ ...asked, body: { quantity: 2 } }], [row('2')], none)).toBe(1);
    expect(found([{ ...asked, outcome: 'unknown' }], [row('2')], none)).toBe(1);
    expect(found([asked], [{ ...row('2'), state: 'paid' }], none)).toBe(1);
  });

  it('shares no unit of a part with another order', () => {
    const other = orderIdOf(two, '2'.repeat(24));
    const { lines: _, ...alone } = { ...order, id: other, sale: two, product: 'prd_2', units: [8] };
    const row = { id: other, shopper: 'sho_1', state: 'paid', units: ['8'], heldAt: 5 };
    expect(judged([...rows, row], [order, alone]).oversold).toHaveLength(1);
  });
});

describe('a changed sale', () => {
  const change: KnownChange = { sale: one, askedAt: 10, accepted: true, limit: 3, price: 50 };
  const row: TermsRow = { sale: one, limit: 3, prices: [50], paid: [50] };
  const says = (changes: KnownChange[], terms: TermsRow, orders = new Map<string, KnownOrder>()) =>
    judgeChanges({ changes, orders }, [terms]).map(({ what }) => what);

  it('is as it was last changed; what was refused changed nothing', () => {
    expect(says([change], row)).toEqual([]);
    const later: KnownChange = { ...change, accepted: false, limit: 4, price: 60 };
    expect(says([change, later], row)).toEqual([]);
    expect(says([change, { ...later, accepted: true }], row)).toHaveLength(2);
  });

  it('has another limit, another price, or an order at another price', () => {
    expect(says([change], { ...row, limit: 2 })).toHaveLength(1);
    expect(says([change], { ...row, prices: [60] })).toHaveLength(1);
    expect(says([change], { ...row, paid: [50, 60] })).toHaveLength(1);
  });

  it('was not changed after somebody had held in it', () => {
    const held = new Map([[home, { ...order, answeredAt: 9 }]]);
    expect(says([change], row, held)).toEqual([
      `I12: ${one} was changed when ${home} had been held in it`,
    ]);
    expect(says([change], row, new Map([[home, { ...order, answeredAt: 11 }]]))).toEqual([]);
    expect(says([{ sale: one, askedAt: 10, accepted: true }], row, held)).toEqual([]);
  });
});
