/** Which numbers go out, and how overdue holds give theirs back. */
import { batch, command, holdMs, saleOf, type Case } from './case.ts';
import { credit, debit, details, done, expired, held, hold, paid, pay } from './say.ts';
import { read, reap, release, released } from './say.ts';

const many = (n: number, from = 1): string[] =>
  Array.from({ length: n }, (_, i) => `s${String(from + i).padStart(2, '0')}-1`);

/** One hold each, of numbers 1…n, in one batch. */
const takenByEach = (at: number, keys: readonly string[]) =>
  batch(
    at,
    keys.map((key, i) => [hold(key), done('held', at, [i + 1])] as const),
    keys.map((key, i) => held(key, at, [i + 1])),
  );

/** Their orders, of the units 1…n, are paid. */
const paidByEach = (at: number, keys: readonly string[]) =>
  batch(
    at,
    keys.flatMap((key, i) => [
      [details(key), done('held', 0, [i + 1], { details: true })] as const,
      [pay(key, 'e1'), done('paid', 0, [i + 1], { details: true })] as const,
    ]),
    keys.map((key, i) => paid(key, 'e1', [i + 1])),
  );

/** Names of the deadline index that a batch looks at, at most, in one sale. */
const looksMax = 1024;

export const unitCases: readonly Case[] = [
  {
    name: 'a returned number goes out before a new one, the lowest first',
    given: saleOf({ units: [6] }),
    steps: [
      takenByEach(0, many(5)),
      batch(
        1,
        [
          [release('s04-1'), done('released', 0, [4])],
          [release('s02-1'), done('released', 0, [2])],
        ],
        [released('s04-1', [4]), released('s02-1', [2])],
      ),
      batch(
        2,
        [
          [hold('ann-1'), done('held', 2, [2])],
          [release('s01-1'), done('released', 0, [1])],
          [hold('bob-1', { quantity: 3 }), done('held', 2, [1, 4, 6])],
          [hold('cyd-1'), ['sold_out', 0, 1]],
          [release('s05-1'), done('released', 0, [5])],
          [hold('cyd-1'), done('held', 2, [5])],
        ],
        [
          held('ann-1', 2, [2]),
          released('s01-1', [1]),
          held('bob-1', 2, [1, 4, 6]),
          released('s05-1', [5]),
          held('cyd-1', 2, [5]),
        ],
      ),
    ],
  },
  {
    name: 'a debit takes from the top what was never issued; a credit brings it again',
    given: saleOf({ endsAt: 0, units: [5], limit: 5 }),
    steps: [
      batch(
        0,
        [[hold('ann-1', { quantity: 2 }), done('held', 0, [1, 2])]],
        [held('ann-1', 0, [1, 2])],
      ),
      command(1, debit(3, 2), [['moved', 3, 1, '', 'mov_3', 'debit', 0, 2, 3, 3, 1, []]]),
      batch(2, [[hold('bob-1', { quantity: 2 }), ['sold_out', -1, 1]]]),
      command(3, credit(4, 4), [['moved', 4, 1, '', 'mov_4', 'credit', 0, 4, 7, 7]]),
      batch(
        4,
        [[hold('bob-2', { quantity: 5 }), done('held', 4, [3, 4, 5, 6, 7])]],
        [held('bob-2', 4, [3, 4, 5, 6, 7])],
      ),
    ],
  },
  {
    name: 'a debit then takes the highest returned numbers, and those are gone for good',
    given: saleOf({ endsAt: 0, units: [4] }),
    steps: [
      takenByEach(0, many(3)),
      batch(
        1,
        [
          [release('s01-1'), done('released', 0, [1])],
          [release('s03-1'), done('released', 0, [3])],
          [release('s02-1'), done('released', 0, [2])],
        ],
        [released('s01-1', [1]), released('s03-1', [3]), released('s02-1', [2])],
      ),
      command(2, debit(3, 3), [['moved', 3, 1, '', 'mov_3', 'debit', 0, 3, 1, 3, 1, [3, 2]]]),
      batch(
        3,
        [
          [hold('ann-1'), done('held', 3, [1])],
          [hold('bob-1'), ['sold_out', -1, 1]],
        ],
        [held('ann-1', 3, [1])],
      ),
      command(4, credit(4, 2), [['moved', 4, 1, '', 'mov_4', 'credit', 0, 2, 3, 5]]),
      batch(
        5,
        [[hold('bob-1', { quantity: 2 }), done('held', 5, [4, 5])]],
        [held('bob-1', 5, [4, 5])],
      ),
    ],
  },
  {
    name: 'a debit of more than is free changes nothing and tells what is free',
    given: saleOf({ endsAt: 0, units: [2, 3] }),
    steps: [
      batch(
        0,
        [[hold('ann-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })]],
        [held('ann-1', 0, [1], { item: 1 })],
      ),
      command(1, debit(4, 3, 1), [
        ['moved', 4, 0, 'insufficient', 'mov_4', 'debit', 1, 3, 3, 3, 2],
      ]),
      command(2, debit(5, 2, 1), [['moved', 5, 1, '', 'mov_5', 'debit', 1, 2, 1, 1, 0, []]]),
    ],
  },
  {
    name: 'overdue holds of its own neither count against the limit nor keep their units',
    given: saleOf({ units: [3], limit: 2 }),
    steps: [
      batch(
        0,
        [[hold('ann-1', { quantity: 2 }), done('held', 0, [1, 2])]],
        [held('ann-1', 0, [1, 2])],
      ),
      batch(
        holdMs,
        [[hold('ann-2', { quantity: 2 }), done('held', holdMs, [1, 2])]],
        [expired('ann-1', [1, 2]), held('ann-2', holdMs, [1, 2])],
      ),
    ],
  },
  {
    name: 'a hold that finds nothing free ends overdue ones first, and only then',
    given: saleOf({ units: [2] }),
    steps: [
      takenByEach(0, many(1)),
      batch(
        holdMs,
        [
          [hold('ann-1'), done('held', holdMs, [2])],
          [hold('bob-1'), done('held', holdMs, [1])],
        ],
        [held('ann-1', holdMs, [2]), expired('s01-1', [1]), held('bob-1', holdMs, [1])],
      ),
    ],
  },
  {
    name: 'it ends 16 of them and no more: the rest is for the next',
    given: saleOf({ units: [40], limit: 40 }),
    steps: [
      takenByEach(0, many(40)),
      batch(
        holdMs,
        [[hold('ann-1', { quantity: 20 }), ['sold_out', 16, 1]]],
        many(16).map((key, i) => expired(key, [i + 1])),
      ),
      batch(
        holdMs,
        [
          [
            hold('ann-1', { quantity: 20 }),
            done(
              'held',
              holdMs,
              Array.from({ length: 20 }, (_, i) => i + 1),
            ),
          ],
        ],
        [
          ...many(16, 17).map((key, i) => expired(key, [i + 17])),
          held(
            'ann-1',
            holdMs,
            Array.from({ length: 20 }, (_, i) => i + 1),
          ),
        ],
      ),
    ],
  },
  {
    name: 'it looks past those that were paid: they stand in the index until their deadline',
    given: saleOf({ units: [31] }),
    steps: [
      takenByEach(0, many(31)),
      paidByEach(1, many(30)),
      batch(
        holdMs,
        [
          [hold('ann-1'), done('held', holdMs, [31])],
          [hold('bob-1'), ['sold_out', 0, 1]],
        ],
        [expired('s31-1', [31]), held('ann-1', holdMs, [31])],
      ),
    ],
  },
  {
    name: 'a batch looks at 1,024 of them, however many holds and reaps it has; the next goes on',
    given: saleOf({ units: [looksMax + 1] }),
    steps: [
      takenByEach(0, many(looksMax + 1)),
      paidByEach(1, many(looksMax)),
      batch(holdMs, [
        [hold('ann-1'), ['sold_out', 0, 1]],
        [hold('bob-1'), ['sold_out', 0, 1]],
        [reap(100), ['done', 0, 0]],
      ]),
      batch(
        holdMs,
        [[hold('ann-1'), done('held', holdMs, [looksMax + 1])]],
        [expired(`s${looksMax + 1}-1`, [looksMax + 1]), held('ann-1', holdMs, [looksMax + 1])],
      ),
    ],
  },
  {
    name: 'the reaper does a bounded part; a member half done is gone on with',
    given: saleOf({ units: [9] }),
    steps: [
      takenByEach(0, many(5)),
      batch(10, [[hold('ann-1'), done('held', 10, [6])]], [held('ann-1', 10, [6])]),
      batch(holdMs, [[reap(0), ['done', 0, 0]]]),
      batch(holdMs, [[reap(2), ['done', 2, 0]]], [expired('s01-1', [1]), expired('s02-1', [2])]),
      batch(
        holdMs,
        [
          [reap(1), ['done', 1, 0]],
          [reap(1), ['done', 1, 0]],
        ],
        [expired('s03-1', [3]), expired('s04-1', [4])],
      ),
      batch(
        holdMs + 10,
        [
          [reap(100), ['done', 2, 1]],
          [reap(100), ['done', 0, 1]],
        ],
        [expired('s05-1', [5]), expired('ann-1', [6])],
      ),
    ],
  },
  {
    name: 'the reaper passes over holds that have ended, and looks at each name once',
    given: saleOf({ units: [9] }),
    steps: [
      takenByEach(0, many(3)),
      batch(1, [[release('s02-1'), done('released', 0, [2])]], [released('s02-1', [2])]),
      batch(holdMs, [[read('s01-1'), done('expired', 0, [1])]], [expired('s01-1', [1])]),
      batch(holdMs, [[reap(1), ['done', 1, 0]]], [expired('s03-1', [3])]),
      batch(holdMs, [[reap(2), ['done', 0, 1]]]),
    ],
  },
  {
    name: 'a shopper with two holds in a batch stands in the index twice and loses both',
    given: saleOf({ units: [9] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-2'), done('held', 0, [2])],
        ],
        [held('ann-1', 0, [1]), held('ann-2', 0, [2])],
      ),
      batch(holdMs, [[reap(1), ['done', 2, 0]]], [expired('ann-1', [1]), expired('ann-2', [2])]),
      batch(holdMs, [[reap(1), ['done', 0, 1]]]),
    ],
  },
];
