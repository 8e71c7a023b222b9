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
import {
  halfExpired,
  judgeChanges,
  type LinesOf,
  type TermsRow,
} from '../../drill/judge-several.ts';

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
  { id: home, shopper: 'sho_1', state: 'paid', units: ['4'], product: 'prd_1', heldAt: 5 },
  { id: part, shopper: 'sho_1', state: 'paid', units: ['7', '8'], product: 'prd_2', heldAt: 5 },
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

  it('is waited for while its lines expire one after the other, and blamed when they stay so', () => {
    const half = (states: readonly [string, string]) => {
      const there = rows.map((row, i) => ({ ...row, state: states[i] ?? '' }));
      const byId = new Map(there.map((row) => [row.id, row]));
      return { waited: halfExpired(linesOf, byId), says: judged(there).says };
    };
    expect(half(['expired', 'held']).waited).toBe(true);
    expect(half(['held', 'expired']).says).toContain('lines that are held 5 sho_1 and expired 5');
    for (const states of [
      ['held', 'held'],
      ['expired', 'expired'],
      ['paid', 'held'],
      ['released', 'held'],
    ] as const) {
      expect(half(states).waited).toBe(false);
    }
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

  // Asked for at 100 s, refused at 102 s.
  const late = { outcome: 'refused', startedAt: 100_000, answeredAt: 102_000, tries: 2, silent: 1 };
  const found = (commands: readonly object[], there: readonly OrderRow[], of: LinesOf) => {
    const history = new History();
    for (const one of commands) history.commands.push({ ...late, shopper: 0, ...one } as Asked);
    const byId = new Map(there.map((row) => [row.id, row]));
    return compare(history, ['sho_1'], byId, new Set(), of).violations.length;
  };

  it('may be held late for who was refused meanwhile, and expires', () => {
    const held = rows.map((row) => ({ ...row, heldAt: 103_000 }));
    const expired = held.map((row) => ({ ...row, state: 'expired' }));
    const asked = (more: object = {}, second = 'prd_2') => {
      const lines = [
        { product_id: 'prd_1', quantity: 1 },
        { product_id: second, quantity: 2 },
      ];
      return [{ verb: 'checkout', sale: '', body: { lines }, ...more }];
    };
    expect(found(asked(), expired, linesOf)).toBe(0);
    expect(found(asked({ silent: 0 }), expired, linesOf)).toBe(2);
    expect(found(asked(), held, linesOf)).toBe(2);
    expect(found(asked({}, 'prd_3'), expired, linesOf)).toBe(2);
    expect(found(asked({ startedAt: 200_000, answeredAt: 202_000 }), expired, linesOf)).toBe(2);
  });

  describe('with one line', () => {
    const row = (id: string, more: Partial<OrderRow> = {}): OrderRow => ({
      ...{ id: orderIdOf(two, id.repeat(24)), shopper: 'sho_1', state: 'expired', units: ['8'] },
      ...{ product: 'prd_2', heldAt: 103_000, ...more },
    });
    const body = { product_id: 'prd_2', quantity: 1 };
    const asked = { verb: 'hold', sale: two, body };
    const none: LinesOf = new Map();

    it('may be so too, each by a refusal of its own', () => {
      expect(found([asked], [row('2')], none)).toBe(0);
      expect(found([asked], [row('2'), row('3')], none)).toBe(1);
      expect(found([asked, asked], [row('2'), row('3')], none)).toBe(0);
    });

    it.each<[string, object]>([
      ['every try of it was answered', { silent: 0 }],
      ['it was for another sale', { sale: one }],
      ['it was for another shopper', { shopper: 1 }],
      ['it was for more', { body: { ...body, quantity: 2 } }],
      ['it was for another product', { body: { ...body, product_id: 'prd_1' } }],
      ['nobody was refused', { outcome: 'unknown' }],
    ])('may not when %s', (_, wrong) => {
      expect(found([{ ...asked, ...wrong }], [row('2')], none)).toBe(1);
    });

    // 20 s by which the clock may be set and 5 of grace; and after the answer a stop of 12 s.
    it.each<[number, number]>([
      [74_999, 1],
      [75_000, 0],
      [139_000, 0],
      [139_001, 1],
    ])('held at %i ms has %i against it', (heldAt, wrong) => {
      expect(found([asked], [row('2', { heldAt })], none)).toBe(wrong);
    });

    it('may not when it was paid', () => {
      expect(found([asked], [row('2', { state: 'paid' })], none)).toBe(1);
    });

    it('leaves the refusal that lasts longer to the order that came later', () => {
      const long = { ...asked, answeredAt: 150_000 };
      const both = [row('2', { heldAt: 170_000 }), row('3')];
      expect(found([long, asked], both, none)).toBe(0);
    });
  });

  it('shares no unit of a part with another order', () => {
    const other = orderIdOf(two, '2'.repeat(24));
    const { lines: _, ...alone } = { ...order, id: other, sale: two, product: 'prd_2', units: [8] };
    const row = { ...rows[1], id: other, units: ['8'] } as OrderRow;
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
