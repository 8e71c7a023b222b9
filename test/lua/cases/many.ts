/** A shopper with many orders: from the ninth on each stands for itself (headMax). */
import { batch, command, holdMs, saleOf, type Case } from './case.ts';
import { control, debit, details, done, expired, held, hold, paid, pay } from './say.ts';
import { read, reap, release, released, replayed } from './say.ts';

const keys = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `ann-${from + i}`);

/** ann's holds number `from` to `to`, each of the unit of its own number. */
const taken = (at: number, from: number, to: number) =>
  batch(
    at,
    keys(from, to).map((key, i) => [hold(key), done('held', at, [from + i])] as const),
    keys(from, to).map((key, i) => held(key, at, [from + i])),
  );

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

const downTo = (first: number, last = 1): number[] => upTo(first, last).reverse();

const wholesale = { quantity: 1000, product: 'p0' } as const;

/** Of 33 shoppers, a thousand units each. */
const thousands = Array.from({ length: 33 }, (_, i) => ({
  key: `t${i + 1}-1`,
  units: upTo(1000 * (i + 1), 1000 * i + 1),
}));

/** Of 20 shoppers, one each. */
const others = Array.from({ length: 20 }, (_, i) => `s${i + 1}-1`);

export const manyCases: readonly Case[] = [
  {
    name: 'the ninth order and all after it end, replay and are read like the first',
    given: saleOf({ units: [40], limit: 40 }),
    steps: [
      taken(0, 1, 10),
      batch(
        1,
        [
          [hold('ann-9'), replayed('held', 0, [9])],
          [hold('ann-10', { fingerprint: 12 }), ['idempotency_key_reused']],
          [read('ann-9'), done('held', 0, [9])],
          [details('ann-9'), done('held', 0, [9], { details: true })],
          [pay('ann-9', 'e1'), done('paid', 0, [9], { details: true })],
          [release('ann-10', 'r1'), done('released', 0, [10])],
          [read('ann-11'), ['not_found']],
          [hold('ann-11'), done('held', 1, [10])],
          [read('ann-11'), done('held', 1, [10])],
        ],
        [paid('ann-9', 'e1', [9]), released('ann-10', [10], 'r1'), held('ann-11', 1, [10])],
      ),
      batch(2, [
        [pay('ann-9', 'e1'), replayed('paid', 0, [9], { details: true, endedAt: 1 })],
        [release('ann-10', 'r1'), replayed('released', 0, [10], { endedAt: 1 })],
        [hold('ann-10'), replayed('held', 0, [10])],
      ]),
    ],
  },
  {
    name: 'all of them count against the limit',
    given: saleOf({ units: [40], limit: 10 }),
    steps: [
      taken(0, 1, 10),
      batch(1, [[hold('ann-11'), ['limit_reached', 10, 10]]]),
      batch(
        2,
        [
          [release('ann-10'), done('released', 0, [10])],
          [hold('ann-11'), done('held', 2, [10])],
        ],
        [released('ann-10', [10]), held('ann-11', 2, [10])],
      ),
    ],
  },
  {
    name: 'the reaper ends the first ones by their shopper, each later one by its own name',
    given: saleOf({ units: [40], limit: 40 }),
    steps: [
      taken(0, 1, 10),
      batch(
        holdMs,
        [[reap(1), ['done', 8, 0]]],
        keys(1, 8).map((key, i) => expired(key, [i + 1])),
      ),
      batch(holdMs, [[reap(1), ['done', 1, 0]]], [expired('ann-9', [9])]),
      batch(holdMs, [[reap(1), ['done', 1, 0]]], [expired('ann-10', [10])]),
    ],
  },
  {
    name: 'an overdue later one frees the limit too, and its cool-down counts at once',
    given: saleOf({ units: [40], limit: 9 }),
    steps: [
      taken(0, 1, 8),
      batch(
        1,
        keys(1, 8).flatMap((key, i) => [
          [details(key), done('held', 0, [i + 1], { details: true })] as const,
          [pay(key, 'e1'), done('paid', 0, [i + 1], { details: true })] as const,
        ]),
        keys(1, 8).map((key, i) => paid(key, 'e1', [i + 1])),
      ),
      taken(2, 9, 9),
      batch(
        holdMs + 2,
        [[hold('ann-10'), done('held', holdMs + 2, [9])]],
        [expired('ann-9', [9]), held('ann-10', holdMs + 2, [9])],
      ),
      batch(
        2 * holdMs + 2,
        [[hold('ann-11'), done('held', 2 * holdMs + 2, [9])]],
        [expired('ann-10', [9]), held('ann-11', 2 * holdMs + 2, [9])],
      ),
      batch(
        3 * holdMs + 2,
        [
          [hold('ann-12'), ['rate_limited', 15_000]],
          [hold('ann-12'), ['rate_limited', 15_000]],
        ],
        [expired('ann-11', [9])],
      ),
    ],
  },
  {
    name: 'later ones that are overdue free the limit though others’ come first',
    given: saleOf({ units: [40], limit: 10 }),
    steps: [
      batch(
        0,
        others.map((key, i) => [hold(key), done('held', 0, [i + 1])] as const),
        others.map((key, i) => held(key, 0, [i + 1])),
      ),
      batch(
        1,
        keys(1, 10).map((key, i) => [hold(key), done('held', 1, [i + 21])] as const),
        keys(1, 10).map((key, i) => held(key, 1, [i + 21])),
      ),
      batch(
        2,
        keys(1, 8).flatMap((key, i) => [
          [details(key), done('held', 1, [i + 21], { details: true })] as const,
          [pay(key, 'e1'), done('paid', 1, [i + 21], { details: true })] as const,
        ]),
        keys(1, 8).map((key, i) => paid(key, 'e1', [i + 21])),
      ),
      batch(
        holdMs + 1,
        [[hold('ann-11'), done('held', holdMs + 1, [1])]],
        [
          ...others.map((key, i) => expired(key, [i + 1])),
          expired('ann-9', [29]),
          expired('ann-10', [30]),
          held('ann-11', holdMs + 1, [1]),
        ],
      ),
    ],
  },
  {
    name: 'a hold that ends later ones of its own shopper, for their units, waits for the cool-down',
    given: saleOf({ units: [11], limit: 40 }),
    steps: [
      taken(0, 1, 11),
      batch(
        1,
        keys(1, 8).flatMap((key, i) => [
          [details(key), done('held', 0, [i + 1], { details: true })] as const,
          [pay(key, 'e1'), done('paid', 0, [i + 1], { details: true })] as const,
        ]),
        keys(1, 8).map((key, i) => paid(key, 'e1', [i + 1])),
      ),
      batch(
        holdMs,
        [
          [hold('ann-12'), ['rate_limited', 15_000]],
          [hold('bob-1'), done('held', holdMs, [9])],
        ],
        [...keys(9, 11).map((key, i) => expired(key, [i + 9])), held('bob-1', holdMs, [9])],
      ),
    ],
  },
  {
    name: 'thousands that one batch gives back, the highest first, go out again lowest first',
    given: saleOf({ units: [33_000], limit: 1000 }),
    steps: [
      batch(
        0,
        thousands.map(({ key, units }) => [hold(key, wholesale), done('held', 0, units)] as const),
        thousands.map(({ key, units }) => held(key, 0, units)),
      ),
      batch(
        1,
        [
          ...thousands
            .toReversed()
            .map(({ key, units }) => [release(key), done('released', 0, units)] as const),
          [hold('ann-1', { quantity: 3 }), done('held', 1, [1, 2, 3])],
          [release('ann-1'), done('released', 1, [1, 2, 3])],
          [hold('bob-1', { quantity: 2 }), done('held', 1, [1, 2])],
          [hold('cyd-1', { quantity: 2 }), done('held', 1, [3, 4])],
        ],
        [
          ...thousands.toReversed().map(({ key, units }) => released(key, units)),
          held('ann-1', 1, [1, 2, 3]),
          released('ann-1', [1, 2, 3]),
          held('bob-1', 1, [1, 2]),
          held('cyd-1', 1, [3, 4]),
        ],
      ),
    ],
  },
  {
    name: 'a debit takes 32,768 returned numbers, a close 4,096: it is repeated until none is left',
    given: saleOf({ endsAt: 0, units: [33_000, 5], limit: 1000 }),
    steps: [
      batch(
        0,
        [
          ...thousands.map(
            ({ key, units }) => [hold(key, wholesale), done('held', 0, units)] as const,
          ),
          [hold('ann-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })],
        ],
        [
          ...thousands.map(({ key, units }) => held(key, 0, units)),
          held('ann-1', 0, [1], { item: 1 }),
        ],
      ),
      batch(
        1,
        [
          ...thousands.map(({ key, units }) => [release(key), done('released', 0, units)] as const),
          [release('ann-1'), done('released', 0, [1], { item: 1 })],
        ],
        [...thousands.map(({ key, units }) => released(key, units)), released('ann-1', [1], '', 1)],
      ),
      command(2, debit(4, 32_769), [
        ['moved', 4, 0, 'insufficient', 'mov_4', 'debit', 0, 32_769, 33_000, 33_000, 32_768],
      ]),
      command(3, debit(5, 27_000), [
        [
          ...(['moved', 5, 1, '', 'mov_5', 'debit', 0, 27_000] as const),
          ...([6000, 33_000, 6000, downTo(33_000, 6001)] as const),
        ],
      ]),
      command(4, control(6, 'close'), [
        ['closing', 6, 1, '', [4096, 4], [1904, 1], [33_000, 1], [downTo(6000, 1905), []]],
      ]),
      command(5, control(7, 'close'), [
        ['closed', 7, 1, '', [1904, 1], [0, 0], [33_000, 1], [downTo(1904), [1]]],
      ]),
    ],
  },
];
