// What is said of a sale: whose count it is, when it is sold out, how much is claimed.
import { describe, expect, it } from 'vitest';
import type { LaneSale, SaleTerms } from '../../../engine/index.ts';
import { endedOrderJson, orderJson, saleJson, statsJson } from '../../../api/documents.ts';
import { laneOrder, laneSale, noon, orderDocument, saleTerms } from './fake-engine.ts';

type Counts = Partial<LaneSale['items'][number]>;

const counted = (state: LaneSale['state'], counts: Counts): LaneSale => ({
  ...laneSale,
  state,
  items: laneSale.items.map((item) => ({ ...item, ...counts })),
});

const shown = (terms: Partial<SaleTerms>, lane: LaneSale | null) =>
  saleJson({ ...saleTerms, ...terms }, lane, noon, 'USD');

describe('a sale', () => {
  it('shows the lane’s state over the settled one', () => {
    expect(shown({ state: 'scheduled' }, counted('live', {}))['state']).toBe('live');
    expect(shown({ state: 'live' }, counted('paused', {}))['state']).toBe('paused');
    expect(shown({ state: 'cancelled' }, counted('scheduled', {}))['state']).toBe('cancelled');
    expect(shown({ state: 'closed' }, counted('closing', {}))['state']).toBe('closed');
    expect(shown({ state: 'creating' }, null)['state']).toBe('scheduled');
  });

  it('that its lane closed before the bell was cancelled', () => {
    const early = { ...counted('closed', {}), startsAt: noon + 1 };
    expect(shown({ state: 'scheduled' }, early)['state']).toBe('cancelled');
    expect(shown({ state: 'live' }, counted('closed', {}))['state']).toBe('closed');
  });

  it('is sold out while nothing is free, and held units may return', () => {
    const none = { available: 0, held: 2, sold: 8 };
    const free = { available: 1, held: 1, sold: 8 };
    const paid = { available: 0, held: 0, sold: 10 };
    const both = { sold_out: true, may_return: true };
    expect(shown({}, counted('live', none))).toMatchObject(both);
    expect(shown({}, counted('paused', none))).toMatchObject(both);
    // Told to everybody when it changes: not with each hold while some are free.
    const some = { sold_out: false, may_return: false };
    expect(shown({}, counted('live', free))).toMatchObject(some);
    expect(shown({}, counted('live', paid))).toMatchObject({ ...both, may_return: false });
  });

  it('has nothing that may return once it is over', () => {
    const items = [{ product: laneOrder.product, name: 'a', allotted: 10, price: 1, listPrice: 2 }];
    const last = { available: 0, held: 1, sold: 9 };
    const over = { sold_out: true, may_return: false };
    for (const state of ['closing', 'closed'] as const) {
      expect(shown({ state, items }, counted(state, last))).toMatchObject(over);
    }
  });

  it('is not sold out before the bell, nor when it closed with units left', () => {
    const empty = { allotted: 0, available: 0, held: 0, sold: 0 };
    expect(shown({}, counted('scheduled', empty))['sold_out']).toBe(false);
    const items = [
      { product: laneOrder.product, name: 'a', allotted: 3, offered: 10, price: 1, listPrice: 2 },
    ];
    const three = { allotted: 3, available: 0, held: 0, sold: 3 };
    expect(shown({ state: 'closed', items }, counted('closed', three))['sold_out']).toBe(false);
    const ten = { allotted: 10, available: 0, held: 0, sold: 10 };
    expect(shown({ state: 'closed', items }, counted('closed', ten))['sold_out']).toBe(true);
  });

  it('says null where the lane cannot say', () => {
    const json = shown({}, null);
    expect(json).toMatchObject({ sold_out: null, may_return: null, claimed_share: null });
    expect(json['items']).toMatchObject([{ allotted: 10, claimed_share: null }]);
  });

  it('says 1 of the last unit only', () => {
    const share = (counts: Counts) => shown({}, counted('live', counts))['claimed_share'];
    const all = { allotted: 1000 };
    expect(share({ ...all, held: 0, sold: 999 })).toBe(0.99);
    expect(share({ ...all, held: 1, sold: 999 })).toBe(1);
    expect(share({ ...all, held: 0, sold: 0 })).toBe(0);
  });

  it('shows prices, discounts and what may come next', () => {
    const items = [
      { product: 'prd_a', name: 'a', allotted: 1, price: 50, listPrice: 100 },
      { product: 'prd_b', name: 'b', allotted: 1, price: 6667, listPrice: 10_000 },
      { product: 'prd_c', name: 'c', allotted: 1, price: 100, listPrice: 100 },
      { product: 'prd_d', name: 'd', allotted: 1, price: 200, listPrice: 100 },
    ];
    const json = shown({ items }, null) as { items: { discount_percent: number }[] };
    expect(json.items.map((item) => item.discount_percent)).toEqual([50, 33, 0, 0]);
    expect(json).toMatchObject({ next_states: ['paused', 'closing'] });
    expect(shown({ kind: 'standing' }, null)).toMatchObject({ state: 'live', next_states: [] });
  });

  it('without an end or a draw says null', () => {
    expect(shown({ endsAt: null, seedCommitment: '' }, null)).toMatchObject({
      ends_at: null,
      seed_commitment: null,
    });
  });
});

describe('stats', () => {
  it('add up over the items', () => {
    const [item] = laneSale.items;
    const lane = { ...laneSale, items: [item, item] as typeof laneSale.items };
    expect(statsJson(saleTerms, lane, noon, 'USD')).toMatchObject({
      offered: 20,
      allotted: 20,
      available: 12,
      held: 2,
      sold: 6,
      in_doubt: { count: 2, age_ms: 40 },
    });
  });
});

describe('an order', () => {
  it('shows its units over all lines, and what it costs', () => {
    const line = { product: 'prd_b', sale: saleTerms.id, units: [3], price: 5 };
    const order = { ...orderDocument, lines: [...orderDocument.lines, line], amount: 19_905 };
    expect(orderJson(order, 'EUR')).toMatchObject({
      units: [17, 18, 3],
      amount: { amount: 19_905, currency: 'EUR' },
    });
  });

  it('that was just paid is told by the lane alone', () => {
    expect(endedOrderJson({ ...laneOrder, state: 'paid' }, noon + 5, 'USD')).toMatchObject({
      state: 'paid',
      payment: 'paid',
      amount: { amount: 19_900, currency: 'USD' },
      timeline: [
        { at: '2030-06-01T12:00:00.000Z', type: 'held' },
        { at: '2030-06-01T12:00:00.005Z', type: 'paid' },
      ],
      next_states: [],
    });
  });
});
