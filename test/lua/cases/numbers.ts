/** Numbers of the draw: given by commands to those who still wait. */
import { command, lineBatch, other, saleOf, type Case } from './case.ts';
import { bell, early, earlyEvents } from './line.ts';
import { admit, admitted, join, joined, leave, left, lineSale, look } from './say-line.ts';
import { numbers, placed, ticket, turnMs } from './say-line.ts';

export const numberCases: readonly Case[] = [
  {
    name: 'numbers come from 1 on without a gap, and no further than the bell',
    given: lineSale(),
    steps: [
      lineBatch(-100, early, earlyEvents),
      command(-50, numbers(3, ['0 ann']), [['numbers', 3, 0, 'not_rung', 1, 1]]),
      command(0, numbers(4, ['0 ann'], 2), [...bell, ['numbers', 4, 0, 'gap', 2, 1]]),
      command(1, numbers(5, ['1 bob', '2 cyd']), [['numbers', 5, 1, '', 1, 2]]),
      command(1, numbers(6, ['1 bob']), [['numbers', 6, 0, 'gap', 1, 1]]),
      lineBatch(2, [
        [admit(5), ['done', 0, 10]],
        [look('ann'), ticket('ann-1', 0, 'waiting')],
      ]),
      command(3, numbers(7, ['0 ann', '3 dan'], 3), [['numbers', 7, 0, 'gap', 3, 2]]),
      command(3, numbers(8, ['0 ann'], 3), [['numbers', 8, 1, '', 3, 1]]),
      lineBatch(
        4,
        [[admit(5), ['done', 3, 7]]],
        [
          admitted('bob-1', 4 + turnMs),
          admitted('cyd-1', 4 + turnMs),
          admitted('ann-1', 4 + turnMs),
        ],
      ),
    ],
  },
  {
    name: 'the number of one who left goes to nobody, also if they are back with another ticket',
    given: lineSale(),
    steps: [
      lineBatch(-100, early, earlyEvents),
      lineBatch(
        1,
        [
          [leave('bob'), ticket('bob-1', 1, 'left')],
          [join('bob-2'), placed('bob-2', 3, { number: 4, ahead: 2 })],
        ],
        [...bell, left('bob-1'), joined('bob-2', 3, 4)],
      ),
      command(2, numbers(3, ['1 bob', '0 ann', '2 cyd']), [['numbers', 3, 1, '', 1, 3]]),
      lineBatch(3, [
        [look('bob'), ticket('bob-2', 3, 'waiting', { number: 4, ahead: 2 })],
        [look('ann'), ticket('ann-1', 0, 'waiting', { number: 2, ahead: 0 })],
      ]),
    ],
  },
  {
    name: 'of two tickets that a shopper drew with, the one that was left has no number',
    given: lineSale(),
    steps: [
      lineBatch(-100, early, earlyEvents),
      lineBatch(
        -50,
        [
          [leave('bob'), ticket('bob-1', 1, 'left')],
          [join('bob-2'), placed('bob-2', 3)],
        ],
        [left('bob-1'), joined('bob-2', 3, 0)],
      ),
      command(1, numbers(3, ['3 bob', '0 ann', '2 cyd', '1 bob']), [
        ...[['opened', 0] as const, ['bell', 0, 4] as const, ['numbers', 3, 1, '', 1, 4] as const],
      ]),
      lineBatch(2, [
        [look('bob'), ticket('bob-2', 3, 'waiting', { number: 1, ahead: 0 })],
        [look('cyd'), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 2 })],
      ]),
    ],
  },
  {
    name: 'who leaves between two commands has a number, or none ever',
    given: lineSale(),
    steps: [
      lineBatch(-100, early, earlyEvents),
      command(1, numbers(3, ['1 bob', '0 ann']), [...bell, ['numbers', 3, 1, '', 1, 2]]),
      lineBatch(
        2,
        [
          [leave('cyd'), ticket('cyd-1', 2, 'left')],
          [leave('bob'), ticket('bob-1', 1, 'left', { number: 1 })],
        ],
        [left('cyd-1'), left('bob-1')],
      ),
      command(3, numbers(4, ['2 cyd'], 3), [['numbers', 4, 1, '', 3, 1]]),
      lineBatch(
        4,
        [
          [look('cyd'), ticket('cyd-1', 2, 'left')],
          [look('ann'), ticket('ann-1', 0, 'waiting', { number: 2, ahead: 0 })],
          [admit(5), ['done', 1, 9]],
        ],
        [admitted('ann-1', 4 + turnMs)],
      ),
    ],
  },
  {
    name: 'numbers are for lines, and for sales that are there',
    given: saleOf(),
    steps: [
      command(0, numbers(3, ['0 ann']), [['numbers', 3, 0, 'no_line', 1, 1]]),
      command(0, numbers(4, ['0 ann'], 1, other), [['numbers', 4, 0, 'not_found', 1, 1]]),
    ],
  },
];
