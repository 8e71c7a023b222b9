/** Holds of several lines that are only looked at: what is in the way is told, and nothing taken. */
import type { Hold, Together } from '../../../engine/domain/lane/words.ts';
import { batchOf, flash, other, saleOf, type Case } from './case.ts';
import { done, held, hold } from './say.ts';

const look = (...lines: unknown[]): Together => ({
  kind: 'together',
  sale: flash,
  lines: lines as Hold[],
  isLook: true,
});

const given = [...saleOf({ units: [3, 2], limit: 3 }), ...saleOf({ sale: other, units: [1] }, 4)];

export const lookCases: readonly Case[] = [
  {
    name: 'a look at several lines names those in the way, each for its own reason, and takes nothing',
    given,
    steps: [
      batchOf(
        0,
        [
          [
            look(
              hold('ann-1', { product: 'p0', quantity: 2 }),
              hold('ann-2', { sale: other, quantity: 2 }),
              hold('ann-3', { product: 'p1', quantity: 2 }),
            ),
            [
              'lines_refused',
              [
                [1, ['sold_out', 1, 0]],
                [2, ['limit_reached', 3, 0]],
              ],
            ],
          ],
          [look(hold('ann-1', { product: 'p0', quantity: 3 })), ['lines_refused', []]],
          [hold('bob-1', { product: 'p0' }), done('held', 0, [1])],
        ],
        [[flash, [held('bob-1', 0, [1])]]],
      ),
    ],
  },
  {
    name: 'what was held before by the same key is in no look’s way',
    given,
    steps: [
      batchOf(
        0,
        [
          [hold('ann-1', { product: 'p0' }), done('held', 0, [1])],
          [look(hold('ann-1', { product: 'p0' })), ['lines_refused', []]],
        ],
        [[flash, [held('ann-1', 0, [1])]]],
      ),
    ],
  },
];
