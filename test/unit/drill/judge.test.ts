// The judge of the drills sees what it is there to see, and leaves alone what breaks no promise.
import { describe, expect, it } from 'vitest';
import { sortOut } from '../../drill/check.ts';
import { History, type Asked, type KnownOrder, type OrderRow } from '../../drill/history.ts';
import { compare, outOfTurn } from '../../drill/judge.ts';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';

const sale = saleIdOf(0, Buffer.alloc(8));
const idOf = (n: number): string => orderIdOf(sale, String(n).repeat(24));
const accounts = ['sho_1', 'sho_2'];

const order = (n: number, more: Partial<KnownOrder> = {}): KnownOrder => ({
  ...{ id: idOf(n), sale, product: 'prd_1', shopper: 0, units: [n], amount: 100 },
  ...{ askedAt: 10 * n, answeredAt: 10 * n + 5, payAsked: true, releaseAsked: false },
  ...{ end: 'paid', ...more },
});

const row = (n: number, more: Partial<OrderRow> = {}): OrderRow => ({
  ...{ id: idOf(n), shopper: 'sho_1', state: 'paid', units: [String(n)], heldAt: 100 * n },
  product: 'prd_1',
  ...more,
});

function compared(
  orders: readonly KnownOrder[],
  rows: readonly OrderRow[],
  commands: readonly Asked[] = [],
) {
  const history = new History();
  history.commands.push(...commands);
  for (const one of orders) history.orders.set(one.id, one);
  const found = compare(history, accounts, new Map(rows.map((one) => [one.id, one])));
  return { ...found, violations: found.violations.map(({ what }) => what) };
}

describe('the judge of a drill', () => {
  it('has nothing against what was answered and is there', () => {
    const nothing = { violations: [], lost: [], oversold: [] };
    expect(compared([order(1), order(2)], [row(1), row(2)])).toEqual(nothing);
    const expired = [order(3, { end: null })];
    expect(compared(expired, [row(3, { state: 'expired' })])).toEqual(nothing);
  });

  it('misses an accepted order, and sees one that nobody was told of', () => {
    const found = compared([order(1)], [row(2)]);
    expect(found.lost).toEqual([idOf(1)]);
    expect(found.violations).toEqual([`I3: ${idOf(2)} was never answered to anybody`]);
  });

  it.each<[string, Partial<OrderRow>]>([
    ['I3', { shopper: 'sho_2' }],
    ['I3', { units: ['7'] }],
    ['I6', { state: 'released' }],
  ])('sees as %s that a row is %j', (rule, wrong) => {
    const { violations } = compared([order(1)], [row(1, wrong)]);
    expect(violations[0]).toContain(`${rule}: ${idOf(1)}`);
  });

  it.each<[string, Partial<KnownOrder>]>([
    ['paid', { payAsked: false, end: null }],
    ['released', { releaseAsked: false, end: null }],
  ])('sees that an order is %s and nobody asked for it', (state, known) => {
    const { violations } = compared([order(1, known)], [row(1, { state })]);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(`I6: ${idOf(1)} is ${state}, nobody`);
  });

  const end = (n: number, verb: Asked['verb'], outcome: Asked['outcome']) =>
    ({ verb, order: idOf(n), outcome }) as Asked;

  it.each<[string, Asked['verb']]>([
    ['paid', 'pay'],
    ['released', 'release'],
  ])('sees that an order is %s although that was refused', (state, verb) => {
    const asked = order(1, { end: null, releaseAsked: true });
    const says = (...commands: readonly Asked[]) =>
      compared([asked], [row(1, { state })], commands).violations;
    expect(says(end(1, verb, 'refused'))).toEqual([
      `I6: ${idOf(1)} is ${state}, which was refused`,
    ]);
    // Another key may have done it, a refusal of another end or order says nothing of this one.
    expect(says(end(1, verb, 'refused'), end(1, verb, 'ok'))).toEqual([]);
    expect(says(end(1, verb, 'unknown'), end(1, verb, 'refused'))).toEqual([]);
    expect(says(end(1, verb === 'pay' ? 'release' : 'pay', 'refused'))).toEqual([]);
    expect(says(end(2, verb, 'refused'))).toEqual([]);
    expect(compared([asked], [row(1, { state: 'expired' })], [end(1, verb, 'refused')])).toEqual({
      ...{ violations: [], lost: [], oversold: [] },
    });
  });

  it('sees a read that denies an end, told or only read', () => {
    const history = new History();
    const [told, read] = [order(1), order(2, { end: null })];
    for (const state of ['held', 'held', 'expired', 'expired']) history.read(read, null, state);
    history.read(told, 'paid', 'paid');
    expect(history.violations).toEqual([]);
    history.read(read, null, 'held');
    history.read(told, 'paid', 'held');
    expect(history.violations.map(({ what }) => what)).toEqual([
      `I12: ${idOf(2)}: expired, then read as held`,
      `I12: ${idOf(1)}: paid, then read as held`,
    ]);
  });

  it('sees a unit that two orders have paid for', () => {
    const both = [order(1), order(2, { units: [1] })];
    const { oversold } = compared(both, [row(1), row(2, { units: ['1'] })]);
    expect(oversold).toHaveLength(1);
  });

  it('sees who was served before somebody who came first', () => {
    const { violations } = compared([order(1), order(2)], [row(1), row(2, { heldAt: 99 })]);
    expect(violations).toEqual([`I5: ${idOf(2)} was held before ${idOf(1)}, which came first`]);
    // Both were waiting at the same time: either may go first.
    const overlapping = { orders: new Map([1, 2].map((n) => [idOf(n), order(n, { askedAt: 1 })])) };
    const rows = new Map([row(1), row(2, { heldAt: 99 })].map((one) => [one.id, one]));
    expect(outOfTurn(overlapping, rows)).toEqual([]);
  });

  it('counts as lost what was in doubt on a lost disk, and blames the rest', () => {
    const all = [
      { order: idOf(1), what: 'a' },
      { order: idOf(1), what: 'b' },
      { order: idOf(2), what: 'c' },
      { order: '', what: 'd' },
    ];
    const doubt = { decisions: 3, begun: new Set([idOf(1), idOf(5)]), later: new Set<string>() };
    expect(sortOut(all, doubt)).toEqual({ lost: [idOf(1)], blamed: ['c', 'd'] });
  });

  it('does not excuse with the doubt about its end that an order is gone', () => {
    const doubt = { decisions: 2, begun: new Set<string>(), later: new Set([idOf(1), idOf(2)]) };
    const told = [order(1, { end: 'paid', payAsked: true }), order(2, { end: 'released' })];
    const history = new History();
    for (const one of told) history.orders.set(one.id, one);
    const stored = [row(1, { state: 'expired' }), row(2, { units: ['9'], state: 'expired' })];
    const rows = new Map(stored.map((one) => [one.id, one]));
    const sorted = sortOut(compare(history, accounts, rows).violations, doubt);
    expect(sorted.lost.toSorted()).toEqual([idOf(1), idOf(2)].toSorted());
    expect(sorted.blamed).toEqual([`I3: ${idOf(2)} was answered with 2, stored with 9`]);
  });

  it('sees an accepted answer that changes', () => {
    const history = new History();
    const command: Asked = {
      ...{ verb: 'hold', sale, shopper: 0, key: 'k', body: null, order: idOf(1), said: '' },
      ...{ startedAt: 1, answeredAt: 2, outcome: 'ok', status: 201, code: '', tries: 1 },
      ...{ unavailable: 0, silent: 0, feltFrom: 0, feltUntil: 0 },
    };
    history.accept(command, 'one');
    history.accept(command, 'one');
    expect(history.violations).toEqual([]);
    history.accept(command, 'two');
    expect(history.violations.map(({ what }) => what)).toEqual(['I7: hold k: one, then two']);
    expect(history.takeAccepted()).toHaveLength(1);
  });
});
