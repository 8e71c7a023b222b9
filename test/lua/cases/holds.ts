/** Taking a hold: numbers, replays, sold out, limit, items, who may. */
import { batch, noon, other, saleOf, type Case } from './case.ts';
import { done, held, hold, paid, pay, details, read, release, released, replayed } from './say.ts';
import { count, reap, touch } from './say.ts';

export const holdCases: readonly Case[] = [
  {
    name: 'a hold takes the lowest number that was never issued',
    given: saleOf({ units: [3] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('bob-1', { quantity: 2 }), done('held', 0, [2, 3])],
          [read('bob-1'), done('held', 0, [2, 3])],
        ],
        [held('ann-1', 0, [1]), held('bob-1', 0, [2, 3])],
      ),
    ],
  },
  {
    name: 'the same key finds the same order: in the batch, later, sold out, paid, ended',
    given: saleOf({ units: [1], endsAt: noon + 50_000 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-1'), replayed('held', 0, [1])],
          [hold('bob-1'), ['sold_out', 0, 1]],
        ],
        [held('ann-1', 0, [1])],
      ),
      batch(9, [[hold('ann-1'), replayed('held', 0, [1])]]),
      batch(
        10,
        [
          [details('ann-1'), done('held', 0, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: true })],
          [hold('ann-1'), replayed('held', 0, [1], { details: true })],
        ],
        [paid('ann-1', 'e1', [1])],
      ),
      batch(
        50_000,
        [
          [hold('ann-1'), replayed('held', 0, [1], { details: true })],
          [hold('ann-2'), ['sale_ended']],
        ],
        [['closing', 0]],
      ),
    ],
  },
  {
    name: 'another body under the same key is refused',
    given: saleOf(),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-1', { fingerprint: 12 }), ['idempotency_key_reused']],
        ],
        [held('ann-1', 0, [1])],
      ),
      batch(1, [[hold('ann-1', { fingerprint: 12, quantity: 2 }), ['idempotency_key_reused']]]),
    ],
  },
  {
    name: 'sold out: units may return while some are held, and may not once all are paid',
    given: saleOf({ units: [1] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('bob-1'), ['sold_out', 0, 1]],
          [details('ann-1'), done('held', 0, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: true })],
          [hold('bob-1'), ['sold_out', 0, 0]],
        ],
        [held('ann-1', 0, [1]), paid('ann-1', 'e1', [1])],
      ),
    ],
  },
  {
    name: 'all or none: a quantity that is not there takes nothing',
    given: saleOf({ units: [3] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('bob-1', { quantity: 3 }), ['sold_out', 2, 1]],
          [hold('bob-2', { quantity: 2 }), done('held', 0, [2, 3])],
        ],
        [held('ann-1', 0, [1]), held('bob-2', 0, [2, 3])],
      ),
    ],
  },
  {
    name: 'a sale without an end does not tell how many are free',
    given: saleOf({ units: [3], endsAt: 0 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { quantity: 4 }), ['sold_out', -1, 0]],
          [hold('ann-2'), done('held', 0, [1])],
          [hold('bob-1', { quantity: 3 }), ['sold_out', -1, 1]],
        ],
        [held('ann-2', 0, [1])],
      ),
    ],
  },
  {
    name: 'the limit counts units of holds and of sales, and is told with what is owned',
    given: saleOf({ units: [10], limit: 3 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { quantity: 2 }), done('held', 0, [1, 2])],
          [details('ann-1'), done('held', 0, [1, 2], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1, 2], { details: true })],
          [hold('ann-2', { quantity: 2 }), ['limit_reached', 3, 2]],
          [hold('ann-3'), done('held', 0, [3])],
          [hold('ann-4'), ['limit_reached', 3, 3]],
          [hold('bob-1', { quantity: 4 }), ['limit_reached', 3, 0]],
        ],
        [held('ann-1', 0, [1, 2]), paid('ann-1', 'e1', [1, 2]), held('ann-3', 0, [3])],
      ),
      batch(
        1,
        [
          [release('ann-3'), done('released', 0, [3])],
          [hold('ann-4'), done('held', 1, [3])],
        ],
        [released('ann-3', [3]), held('ann-4', 1, [3])],
      ),
    ],
  },
  {
    name: 'several items: each has its own numbers, the limit is the sale’s',
    given: saleOf({ units: [2, 5], limit: 3 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })],
          [hold('ann-2', { product: 'p0', quantity: 2 }), done('held', 0, [1, 2])],
          [hold('ann-3', { product: 'p1' }), ['limit_reached', 3, 3]],
          [hold('bob-1', { product: 'p0' }), ['sold_out', 0, 1]],
          [hold('bob-2', { product: 'p1' }), done('held', 0, [2], { item: 1 })],
        ],
        [
          held('ann-1', 0, [1], { item: 1 }),
          held('ann-2', 0, [1, 2]),
          held('bob-2', 0, [2], { item: 1 }),
        ],
      ),
    ],
  },
  {
    name: 'a product must be named where there are several, and must be of the sale',
    given: saleOf({ units: [2, 5] }),
    steps: [
      batch(0, [
        [hold('ann-1'), ['product_required']],
        [hold('ann-1', { product: 'p2' }), ['not_found']],
      ]),
    ],
  },
  {
    name: 'the only product need not be named, and may be',
    given: saleOf({ units: [2] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { product: 'p0' }), done('held', 0, [1])],
          [hold('ann-2', { product: 'p1' }), ['not_found']],
        ],
        [held('ann-1', 0, [1])],
      ),
    ],
  },
  {
    name: 'a sale for verified shoppers refuses guests, but not what a guest owns',
    given: saleOf({ verifiedOnly: true }),
    steps: [
      batch(
        0,
        [
          [hold('guest-1', { verified: false }), ['forbidden']],
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-1', { verified: false }), replayed('held', 0, [1])],
        ],
        [held('ann-1', 0, [1])],
      ),
    ],
  },
  {
    name: 'an unknown sale, and an unknown or another shopper’s order, are not found',
    given: saleOf(),
    steps: [
      batch(0, [
        [hold('ann-1', { sale: other }), ['not_found']],
        [pay('ann-1', 'e1', { sale: other }), ['not_found']],
        [read('ann-1', { sale: other }), ['not_found']],
        [count(other), ['not_found']],
        [reap(5, other), ['not_found']],
        [touch(other), ['not_found']],
      ]),
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]),
      batch(1, [
        [pay('ann-2', 'e1'), ['not_found']],
        [release('ann-2'), ['not_found']],
        [details('ann-2'), ['not_found']],
        [read('ann-2'), ['not_found']],
        [read('ann-1', { shopper: 'bob' }), ['not_found']],
        [release('ann-1', '', { shopper: 'bob' }), ['not_found']],
      ]),
    ],
  },
  {
    name: 'a sale counts what it has, what was asked and what was refused',
    given: saleOf({ endsAt: 0, units: [2, 1], limit: 2 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { product: 'p0' }), done('held', 0, [1])],
          [hold('ann-1', { product: 'p0' }), replayed('held', 0, [1])],
          [hold('bob-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })],
          [hold('cyd-1', { product: 'p1' }), ['sold_out', -1, 1]],
          [hold('cyd-2'), ['product_required']],
        ],
        [held('ann-1', 0, [1]), held('bob-1', 0, [1], { item: 1 })],
      ),
      batch(
        500,
        [
          [release('bob-1'), done('released', 0, [1], { item: 1 })],
          [hold('cyd-3'), ['product_required']],
          [
            count(),
            [
              'done',
              'live',
              noon - 1000,
              0,
              0,
              1,
              [
                ['p0', 19_900, 2, 1, 1, 0],
                ['p1', 19_901, 1, 1, 0, 0],
              ],
              6,
              [
                ['product_required', 2],
                ['sold_out', 1],
              ],
              6,
              1000,
            ],
          ],
        ],
        [released('bob-1', [1], '', 1)],
      ),
    ],
  },
];
