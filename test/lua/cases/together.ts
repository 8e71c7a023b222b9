/** Orders of several lines: all of them or none, one deadline, one end. */
import type { Together } from '../../../engine/domain/lane/words.ts';
import {
  batchOf,
  command,
  flash,
  freeze,
  holdMs,
  noon,
  other,
  restart,
  saleOf,
  type Case,
} from './case.ts';
import { control, details, done, expired, held, hold, paid, pay } from './say.ts';
import { read, reap, release, released, replayed } from './say.ts';

const together = (...lines: unknown[]): Together => ({
  kind: 'together',
  sale: flash,
  lines: lines as Together['lines'],
});

const shortMs = 20_000;
/** A sale of two items, and another that holds for a shorter time. */
const given = [
  ...saleOf({ units: [3, 2], limit: 3 }),
  ...saleOf({ sale: other, units: [4], limit: 4, holdMs: shortMs }, 4),
];
const elsewhere = { sale: other };
const short = { holdMs: shortMs };
const second = { item: 1, ...short };

/** Three lines in two sales, two of them in one. */
const order = together(
  hold('ann-1', { product: 'p0', quantity: 2 }),
  hold('ann-2', elsewhere),
  hold('ann-3', { product: 'p1' }),
);
const pays = (endKey = 'e1'): Together =>
  together(pay('ann-1', endKey), pay('ann-2', endKey, elsewhere), pay('ann-3', endKey));
const releases = together(
  release('ann-1', 'r1'),
  release('ann-2', 'r1', elsewhere),
  release('ann-3', 'r1'),
);
const reads = together(read('ann-1'), read('ann-2', elsewhere), read('ann-3'));

const taken = batchOf(
  0,
  [
    [
      order,
      [
        'done',
        [done('held', 0, [1, 2], short), done('held', 0, [1], short), done('held', 0, [1], second)],
      ],
    ],
  ],
  [
    [flash, [held('ann-1', 0, [1, 2], short), held('ann-3', 0, [1], second)]],
    [other, [held('ann-2', 0, [1], short)]],
  ],
);

const described = batchOf(
  1,
  [[details('ann-1'), done('held', 0, [1, 2], { ...short, details: true })]],
  [],
);

const endedAt = { endedAt: 2, ...short };

export const togetherCases: readonly Case[] = [
  {
    name: 'several lines are held together, until the earliest of their deadlines, and replayed together',
    given,
    steps: [
      taken,
      batchOf(
        1,
        [
          [
            order,
            [
              'replayed',
              [
                replayed('held', 0, [1, 2], short),
                replayed('held', 0, [1], short),
                replayed('held', 0, [1], second),
              ],
            ],
          ],
          [hold('bob-1', { product: 'p0' }), done('held', 1, [3])],
        ],
        [[flash, [held('bob-1', 1, [3])]]],
      ),
    ],
  },
  {
    name: 'they are paid together, with the details of the first',
    given,
    steps: [
      taken,
      batchOf(1, [[pays(), ['details_required']]], []),
      described,
      batchOf(
        2,
        [
          [
            pays(),
            [
              'done',
              [
                done('paid', 0, [1, 2], { ...endedAt, details: true }),
                done('paid', 0, [1], endedAt),
                done('paid', 0, [1], { ...endedAt, item: 1 }),
              ],
            ],
          ],
        ],
        [
          [flash, [paid('ann-1', 'e1', [1, 2]), paid('ann-3', 'e1', [1], 1, 0)]],
          [other, [paid('ann-2', 'e1', [1], 0, 0)]],
        ],
      ),
      batchOf(
        3,
        [
          [
            pays(),
            [
              'replayed',
              [
                replayed('paid', 0, [1, 2], { ...endedAt, details: true }),
                replayed('paid', 0, [1], endedAt),
                replayed('paid', 0, [1], { ...endedAt, item: 1 }),
              ],
            ],
          ],
          [pays('e2'), ['illegal_transition', 'paid']],
          [releases, ['illegal_transition', 'paid']],
        ],
        [],
      ),
    ],
  },
  {
    name: 'they are let go together, and every unit is free again',
    given,
    steps: [
      taken,
      batchOf(
        2,
        [
          [
            releases,
            [
              'done',
              [
                done('released', 0, [1, 2], endedAt),
                done('released', 0, [1], endedAt),
                done('released', 0, [1], { ...endedAt, item: 1 }),
              ],
            ],
          ],
          [pays(), ['hold_expired']],
          [hold('bob-1', { product: 'p0' }), done('held', 2, [1])],
          [hold('bob-2', elsewhere), done('held', 2, [1], short)],
        ],
        [
          [
            flash,
            [
              released('ann-1', [1, 2], 'r1'),
              released('ann-3', [1], 'r1', 1),
              held('bob-1', 2, [1]),
            ],
          ],
          [other, [released('ann-2', [1], 'r1'), held('bob-2', 2, [1], short)]],
        ],
      ),
    ],
  },
  {
    name: 'at their deadline whoever looks ends all of them: none can be paid any more',
    given,
    steps: [
      taken,
      described,
      batchOf(
        shortMs,
        [
          [pays(), ['hold_expired']],
          [
            reads,
            [
              'done',
              [
                done('expired', 0, [1, 2], { ...short, details: true }),
                done('expired', 0, [1], short),
                done('expired', 0, [1], second),
              ].map((reply) => [...reply.slice(0, 9), noon + shortMs] as never),
            ],
          ],
          [releases, ['illegal_transition', 'expired']],
        ],
        [
          [flash, [expired('ann-1', [1, 2], 0, 1), expired('ann-3', [1], 1)]],
          [other, [expired('ann-2', [1])]],
        ],
      ),
    ],
  },
  {
    name: 'the reaper finds those whose deadline is earlier than their sale’s own, beside the others',
    given,
    steps: [
      batchOf(
        0,
        [
          [hold('ann-9', { product: 'p0' }), done('held', 0, [1])],
          [
            together(hold('ann-1', { product: 'p0' }), hold('ann-2', elsewhere)),
            ['done', [done('held', 0, [2], short), done('held', 0, [1], short)]],
          ],
        ],
        [
          [flash, [held('ann-9', 0, [1]), held('ann-1', 0, [2], short)]],
          [other, [held('ann-2', 0, [1], short)]],
        ],
      ),
      batchOf(
        shortMs,
        [
          [reap(5), ['done', 1, 1]],
          [reap(5, other), ['done', 1, 1]],
        ],
        [
          [flash, [expired('ann-1', [2])]],
          [other, [expired('ann-2', [1])]],
        ],
      ),
      batchOf(holdMs, [[reap(5), ['done', 1, 1]]], [[flash, [expired('ann-9', [1])]]]),
    ],
  },
  {
    name: 'one that is in the way keeps all from being held, and each in the way is named',
    given,
    steps: [
      batchOf(
        0,
        [
          [
            together(
              hold('ann-1', { product: 'p0', quantity: 2 }),
              hold('ann-2', { sale: other, quantity: 5 }),
              hold('ann-3', { product: 'p1', quantity: 2 }),
              hold('ann-4', { product: 'px' }),
              hold('ann-5', { sale: 'sal_0000000000000ccc' }),
            ),
            [
              'lines_refused',
              [
                [1, ['limit_reached', 4, 0]],
                [2, ['limit_reached', 3, 0]],
                [3, ['not_found']],
                [4, ['not_found']],
              ],
            ],
          ],
          [hold('bob-1', { product: 'p0' }), done('held', 0, [1])],
          [hold('ann-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })],
        ],
        [[flash, [held('bob-1', 0, [1]), held('ann-1', 0, [1], { item: 1 })]]],
      ),
    ],
  },
  {
    name: 'a line counts the units that those before it would take of its item',
    given: saleOf({ units: [3, 2], limit: 9 }),
    steps: [
      batchOf(
        0,
        [
          [
            together(
              hold('ann-1', { product: 'p0', quantity: 2 }),
              hold('ann-2', { product: 'p0', quantity: 2 }),
            ),
            ['lines_refused', [[1, ['sold_out', 1, 0]]]],
          ],
          [
            together(
              hold('ann-1', { product: 'p0', quantity: 2 }),
              hold('ann-2', { product: 'p0' }),
              hold('ann-3', { product: 'p1', quantity: 2 }),
            ),
            [
              'done',
              [done('held', 0, [1, 2]), done('held', 0, [3]), done('held', 0, [1, 2], { item: 1 })],
            ],
          ],
        ],
        [
          [
            flash,
            [
              held('ann-1', 0, [1, 2]),
              held('ann-2', 0, [3]),
              held('ann-3', 0, [1, 2], { item: 1 }),
            ],
          ],
        ],
      ),
    ],
  },
  {
    name: 'a paused or a frozen sale keeps all of an order from being held, or from its end',
    given,
    steps: [
      command(0, control(6, 'pause'), [['paused', 6, 1, '']]),
      batchOf(
        1,
        [
          [
            order,
            [
              'lines_refused',
              [
                [0, ['sale_paused']],
                [2, ['sale_paused']],
              ],
            ],
          ],
        ],
        [],
      ),
      command(2, control(7, 'resume'), [['resumed', 7, 1, '']]),
      freeze(other),
      batchOf(3, [[order, ['lines_refused', [[1, ['sale_frozen']]]]]], []),
    ],
  },
  {
    name: 'an order of which a sale is frozen neither ends nor is read',
    given,
    steps: [
      taken,
      described,
      freeze(other),
      batchOf(
        2,
        [
          [pays(), ['sale_frozen']],
          [releases, ['sale_frozen']],
          [reads, ['sale_frozen']],
        ],
        [],
      ),
    ],
  },
  {
    name: 'a line that is not there is in the way of all; what was held before is not held again',
    given,
    steps: [
      taken,
      described,
      batchOf(
        2,
        [
          [together(pay('ann-1', 'e1'), pay('ann-7', 'e1')), ['not_found']],
          [
            together(hold('ann-1', { product: 'p0', quantity: 2 }), hold('ann-8', { sale: other })),
            ['lines_refused', [[0, ['idempotency_key_reused']]]],
          ],
        ],
        [],
      ),
    ],
  },
  {
    name: 'an outage lengthens all of its lines alike',
    given,
    steps: [
      taken,
      described,
      restart(5000),
      batchOf(
        shortMs + 4999,
        [
          [
            reads,
            [
              'done',
              [
                done('held', 0, [1, 2], { ...short, later: 5000, details: true }),
                done('held', 0, [1], { ...short, later: 5000 }),
                done('held', 0, [1], { ...second, later: 5000 }),
              ],
            ],
          ],
        ],
        [],
      ),
    ],
  },
];
