/** The three ends of a hold, each at most once; its details; reading it; its deadline. */
import { batch, holdMs, restart, saleOf, type Case } from './case.ts';
import { details, done, expired, held, hold, paid, pay, read, release } from './say.ts';
import { released, replayed } from './say.ts';

const taken = batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]);
const withDetails = done('held', 0, [1], { details: true });
const paidReply = done('paid', 0, [1], { details: true });

export const endCases: readonly Case[] = [
  {
    name: 'pay wants details first, then ends the hold as paid',
    given: saleOf(),
    steps: [
      taken,
      batch(
        5,
        [
          [pay('ann-1', 'e1'), ['details_required']],
          [details('ann-1'), withDetails],
          [details('ann-1'), withDetails],
          [read('ann-1'), withDetails],
          [pay('ann-1', 'e1'), paidReply],
          [read('ann-1'), paidReply],
        ],
        [paid('ann-1', 'e1', [1])],
      ),
    ],
  },
  {
    name: 'paying again: the same key is answered as before, any other is refused',
    given: saleOf(),
    steps: [
      taken,
      batch(
        5,
        [
          [details('ann-1'), withDetails],
          [pay('ann-1', 'e1'), paidReply],
          [pay('ann-1', 'e1'), replayed('paid', 0, [1], { details: true })],
        ],
        [paid('ann-1', 'e1', [1])],
      ),
      batch(holdMs + 5, [
        [pay('ann-1', 'e1'), replayed('paid', 0, [1], { details: true, endedAt: 5 })],
        [pay('ann-1', 'e1', { fingerprint: 6 }), ['idempotency_key_reused']],
        [pay('ann-1', 'e2'), ['illegal_transition', 'paid']],
        [release('ann-1', 'e1'), ['illegal_transition', 'paid']],
        [details('ann-1'), ['illegal_transition', 'paid']],
      ]),
    ],
  },
  {
    name: 'the latest details are the order’s, whatever comes late; none come after its end',
    given: saleOf(),
    steps: [
      taken,
      batch(
        5,
        [
          [details('ann-1', {}, 2), done('held', 0, [1], { details: 2 })],
          [details('ann-1', {}, 1), done('held', 0, [1], { details: 2 })],
          [details('ann-1', {}, 3), done('held', 0, [1], { details: 3 })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: 3 })],
          [details('ann-1', {}, 4), ['illegal_transition', 'paid']],
          [read('ann-1'), done('paid', 0, [1], { details: 3 })],
        ],
        [paid('ann-1', 'e1', [1], 0, 3)],
      ),
    ],
  },
  {
    name: 'a release gives the unit back; only its own key finds its answer again',
    given: saleOf(),
    steps: [
      taken,
      batch(
        5,
        [
          [release('ann-1', 'r1'), done('released', 0, [1])],
          [release('ann-1', 'r1'), replayed('released', 0, [1])],
          [release('ann-1', 'r1', { fingerprint: 6 }), ['idempotency_key_reused']],
          [release('ann-1', 'r2'), ['illegal_transition', 'released']],
          [release('ann-1'), ['illegal_transition', 'released']],
          [pay('ann-1', 'r1'), ['hold_expired']],
          [details('ann-1'), ['illegal_transition', 'released']],
          [read('ann-1'), done('released', 0, [1])],
          [hold('ann-1'), replayed('held', 0, [1])],
        ],
        [released('ann-1', [1], 'r1')],
      ),
    ],
  },
  {
    name: 'a release without a key happens once',
    given: saleOf(),
    steps: [
      taken,
      batch(
        5,
        [
          [release('ann-1'), done('released', 0, [1])],
          [release('ann-1'), ['illegal_transition', 'released']],
        ],
        [released('ann-1', [1])],
      ),
    ],
  },
  {
    name: 'a hold is good one millisecond before its deadline',
    given: saleOf(),
    steps: [
      taken,
      batch(
        holdMs - 1,
        [
          [read('ann-1'), done('held', 0, [1])],
          [details('ann-1'), withDetails],
          [pay('ann-1', 'e1'), paidReply],
        ],
        [paid('ann-1', 'e1', [1])],
      ),
    ],
  },
  {
    name: 'paying at the deadline is too late: the hold expires there and then',
    given: saleOf(),
    steps: [
      taken,
      batch(1, [[details('ann-1'), withDetails]]),
      batch(
        holdMs,
        [
          [pay('ann-1', 'e1'), ['hold_expired']],
          [pay('ann-1', 'e1'), ['hold_expired']],
          [release('ann-1'), ['illegal_transition', 'expired']],
          [details('ann-1'), ['hold_expired']],
          [read('ann-1'), done('expired', 0, [1], { details: true })],
        ],
        [expired('ann-1', [1], 0, 1)],
      ),
    ],
  },
  {
    name: 'releasing at the deadline: it has expired by itself',
    given: saleOf(),
    steps: [
      taken,
      batch(
        holdMs,
        [[release('ann-1', 'r1'), ['illegal_transition', 'expired']]],
        [expired('ann-1', [1])],
      ),
    ],
  },
  {
    name: 'reading at the deadline ends the hold',
    given: saleOf(),
    steps: [
      taken,
      batch(holdMs, [[read('ann-1'), done('expired', 0, [1])]], [expired('ann-1', [1])]),
    ],
  },
  {
    name: 'details at the deadline end the hold and are refused',
    given: saleOf(),
    steps: [taken, batch(holdMs, [[details('ann-1'), ['hold_expired']]], [expired('ann-1', [1])])],
  },
  {
    name: 'all units of an order end together',
    given: saleOf({ units: [2, 5] }),
    steps: [
      batch(
        0,
        [[hold('ann-1', { product: 'p1', quantity: 3 }), done('held', 0, [1, 2, 3], { item: 1 })]],
        [held('ann-1', 0, [1, 2, 3], { item: 1 })],
      ),
      batch(
        5,
        [
          [details('ann-1'), done('held', 0, [1, 2, 3], { item: 1, details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1, 2, 3], { item: 1, details: true })],
        ],
        [paid('ann-1', 'e1', [1, 2, 3], 1)],
      ),
    ],
  },
  {
    name: 'an outage moves the deadline of a hold that stands; its first answers stay as they were',
    given: saleOf({ limit: 3 }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-2'), done('held', 0, [2])],
          [hold('ann-3'), done('held', 0, [3])],
          [details('ann-1'), withDetails],
        ],
        [held('ann-1', 0, [1]), held('ann-2', 0, [2]), held('ann-3', 0, [3])],
      ),
      restart(30_000),
      batch(
        40_000,
        [
          [pay('ann-1', 'e1'), paidReply],
          [release('ann-2', 'r1'), done('released', 0, [2])],
          [hold('bob-1'), done('held', 40_000, [2])],
        ],
        [paid('ann-1', 'e1', [1]), released('ann-2', [2], 'r1'), held('bob-1', 40_000, [2])],
      ),
      restart(5000),
      batch(50_000, [
        [pay('ann-1', 'e1'), replayed('paid', 0, [1], { details: true, endedAt: 40_000 })],
        [release('ann-2', 'r1'), replayed('released', 0, [2], { endedAt: 40_000 })],
        [hold('ann-1'), replayed('held', 0, [1], { details: true })],
        [hold('ann-2'), replayed('held', 0, [2])],
        [hold('ann-3'), replayed('held', 0, [3])],
        [hold('bob-1'), replayed('held', 40_000, [2])],
        [read('ann-3'), done('held', 0, [3], { later: 35_000 })],
        [read('bob-1'), done('held', 40_000, [2], { later: 5000 })],
      ]),
    ],
  },
  {
    name: 'an outage moves every deadline by its length, of holds before and after it',
    given: saleOf(),
    steps: [
      taken,
      restart(30_000),
      batch(
        40_000,
        [
          [read('ann-1'), done('held', 0, [1], { later: 30_000 })],
          [hold('bob-1'), done('held', 40_000, [2])],
        ],
        [held('bob-1', 40_000, [2])],
      ),
      batch(holdMs + 29_999, [[read('ann-1'), done('held', 0, [1], { later: 30_000 })]]),
      batch(
        holdMs + 30_000,
        [
          [read('ann-1'), done('expired', 0, [1])],
          [read('bob-1'), done('held', 40_000, [2])],
        ],
        [expired('ann-1', [1])],
      ),
      batch(
        holdMs + 40_000,
        [[read('bob-1'), done('expired', 40_000, [2])]],
        [expired('bob-1', [2])],
      ),
    ],
  },
];
