/** Turns: what they claim, how they end, what a pause and an outage do to them. */
import { batch, command, lineBatch, noon, restart, type Case } from './case.ts';
import { control, credit, debit, done, held, hold, release, released, replayed } from './say.ts';
import { admit, admitted, finished, join, joined, lapse, lapsed, leave, left } from './say-line.ts';
import { lineSale, look, placed, seen, ticket, turnMs } from './say-line.ts';

const open = { startsAt: noon - 1000 } as const;
const shoppers = ['ann', 'bob', 'cyd', 'dan', 'eve'];

/** These join at noon, in this order, after the bell. */
const arrive = (count: number) =>
  lineBatch(
    0,
    shoppers.slice(0, count).map((name, i) => {
      return [join(`${name}-1`), placed(`${name}-1`, i, { number: i + 1, ahead: i })] as const;
    }),
    shoppers.slice(0, count).map((name, i) => joined(`${name}-1`, i, i + 1)),
  );

export const turnCases: readonly Case[] = [
  {
    name: 'as many are admitted as find a unit, lowest numbers first; the cut line says how far',
    given: lineSale({}, { ...open, units: [3] }),
    steps: [
      arrive(5),
      lineBatch(
        1,
        [
          [admit(2), ['done', 2, 1]],
          [admit(2), ['done', 1, 0]],
          [admit(2), ['done', 0, 0]],
          [look('ann'), ticket('ann-1', 0, 'admitted', { number: 1, until: 1 + turnMs })],
          [look('dan'), ticket('dan-1', 3, 'waiting', { number: 4, ahead: 0 })],
        ],
        [
          admitted('ann-1', 1 + turnMs),
          admitted('bob-1', 1 + turnMs),
          admitted('cyd-1', 1 + turnMs),
        ],
        {
          figures: [
            ...(['queue', 'live', 0, 1, 5, 2, 0, 3, 3, 3, 1, 3, 3] as const),
            ...([turnMs, 100, 3] as const),
          ],
        },
      ),
      batch(2, [[hold('dan-9'), ['not_admitted']]]),
    ],
  },
  {
    name: 'a hold uses its turn up; it is replayed without one, and the next is not admitted',
    given: lineSale({}, { ...open, units: [3] }),
    steps: [
      arrive(1),
      lineBatch(1, [[admit(1), ['done', 1, 2]]], [admitted('ann-1', 1 + turnMs)]),
      batch(
        2,
        [
          [hold('ann-9'), done('held', 2, [1])],
          [hold('ann-9'), replayed('held', 2, [1])],
          [hold('ann-8'), ['not_admitted']],
        ],
        [held('ann-9', 2, [1]), finished('ann-1')],
      ),
      lineBatch(3, [[look('ann'), ticket('ann-1', 0, 'finished', { number: 1 })]]),
      lineBatch(1 + turnMs, [[lapse(5), ['done', 0, 1]]]),
    ],
  },
  {
    name: 'a turn lapses at its end and not a millisecond before, by whoever looks',
    given: lineSale({}, { ...open, units: [3] }),
    steps: [
      arrive(3),
      lineBatch(
        0,
        [[admit(3), ['done', 3, 0]]],
        [admitted('ann-1', turnMs), admitted('bob-1', turnMs), admitted('cyd-1', turnMs)],
      ),
      lineBatch(turnMs - 1, [
        [lapse(5), ['done', 0, 1]],
        [look('ann'), ticket('ann-1', 0, 'admitted', { number: 1, until: turnMs })],
      ]),
      batch(turnMs, [[hold('ann-9'), ['not_admitted']]], [lapsed('ann-1')]),
      lineBatch(
        turnMs,
        [
          [look('bob'), ticket('bob-1', 1, 'lapsed', { number: 2 })],
          [lapse(1), ['done', 1, 0]],
          [lapse(1), ['done', 0, 1]],
          [leave('cyd'), ticket('cyd-1', 2, 'lapsed', { number: 3 })],
        ],
        [lapsed('bob-1'), lapsed('cyd-1')],
      ),
    ],
  },
  {
    name: 'a turn that lapses, or is left, and a unit that returns, make room for the next',
    given: lineSale({}, { ...open, units: [2] }),
    steps: [
      arrive(5),
      lineBatch(
        0,
        [[admit(9), ['done', 2, 0]]],
        [admitted('ann-1', turnMs), admitted('bob-1', turnMs)],
      ),
      batch(1, [[hold('ann-9'), done('held', 1, [1])]], [held('ann-9', 1, [1]), finished('ann-1')]),
      lineBatch(
        2,
        [
          [admit(9), ['done', 0, 0]],
          [leave('bob'), ticket('bob-1', 1, 'left', { number: 2 })],
          [admit(9), ['done', 1, 0]],
        ],
        [left('bob-1'), admitted('cyd-1', 2 + turnMs)],
      ),
      batch(3, [[release('ann-9'), done('released', 1, [1])]], [released('ann-9', [1])]),
      lineBatch(4, [[admit(9), ['done', 1, 0]]], [admitted('dan-1', 4 + turnMs)]),
      lineBatch(
        2 + turnMs,
        [
          [lapse(9), ['done', 1, 1]],
          [seen('eve'), ['done']],
          [admit(9), ['done', 1, 0]],
        ],
        [lapsed('cyd-1'), admitted('eve-1', 2 + 2 * turnMs)],
      ),
    ],
  },
  {
    name: 'a turn claims as many units as its shopper may own; the last one what is left',
    given: lineSale({}, { ...open, units: [5], limit: 2 }),
    steps: [
      arrive(3),
      lineBatch(
        0,
        [[admit(9), ['done', 3, 0]]],
        [admitted('ann-1', turnMs, 2), admitted('bob-1', turnMs, 2), admitted('cyd-1', turnMs, 1)],
      ),
      batch(
        1,
        [
          [hold('cyd-9', { quantity: 2 }), ['sold_out', 1, 0]],
          [hold('ann-9'), done('held', 1, [1])],
          [hold('ann-8', { quantity: 2 }), ['limit_reached', 2, 1]],
          [hold('cyd-9'), done('held', 1, [2])],
          [hold('ann-8'), done('held', 1, [3])],
          [hold('bob-9', { quantity: 2 }), done('held', 1, [4, 5])],
        ],
        [
          held('ann-9', 1, [1]),
          held('cyd-9', 1, [2]),
          finished('cyd-1'),
          held('ann-8', 1, [3]),
          finished('ann-1'),
          held('bob-9', 1, [4, 5]),
          finished('bob-1'),
        ],
      ),
    ],
  },
  {
    name: 'a hold of more than its claim takes what nobody else claims',
    given: lineSale({}, { ...open, units: [3], limit: 2 }),
    steps: [
      arrive(2),
      lineBatch(
        0,
        [[admit(9), ['done', 2, 0]]],
        [admitted('ann-1', turnMs, 2), admitted('bob-1', turnMs, 1)],
      ),
      command(1, credit(3, 1), [['moved', 3, 1, '', 'mov_3', 'credit', 0, 1, 4, 4]]),
      batch(
        2,
        [[hold('bob-9', { quantity: 2 }), done('held', 2, [1, 2])]],
        [held('bob-9', 2, [1, 2]), finished('bob-1')],
      ),
    ],
  },
  {
    name: 'a factor above 1 admits more than there are units: the last to hold are told sold out',
    given: lineSale({ factorPercent: 200 }, { ...open, units: [1] }),
    steps: [
      arrive(3),
      lineBatch(
        0,
        [[admit(9), ['done', 2, 0]]],
        [admitted('ann-1', turnMs), admitted('bob-1', turnMs)],
      ),
      batch(
        1,
        [
          [hold('bob-9'), done('held', 1, [1])],
          [hold('ann-9'), ['sold_out', 0, 1]],
        ],
        [held('bob-9', 1, [1]), finished('bob-1')],
      ),
    ],
  },
  {
    name: 'a factor below 1 keeps units back',
    given: lineSale({ factorPercent: 50 }, { ...open, units: [5] }),
    steps: [
      arrive(4),
      lineBatch(
        0,
        [[admit(9), ['done', 2, 0]]],
        [admitted('ann-1', turnMs), admitted('bob-1', turnMs)],
      ),
    ],
  },
  {
    name: 'units that are debited away may leave claims without one: they are told sold out',
    given: lineSale({}, { ...open, endsAt: 0, units: [2] }),
    steps: [
      arrive(2),
      lineBatch(
        0,
        [[admit(9), ['done', 2, 0]]],
        [admitted('ann-1', turnMs), admitted('bob-1', turnMs)],
      ),
      command(1, debit(3, 2), [['moved', 3, 1, '', 'mov_3', 'debit', 0, 2, 0, 0, 0, []]]),
      batch(2, [[hold('ann-9'), ['sold_out', -1, 0]]]),
      lineBatch(3, [[admit(9), ['done', 0, 0]]]),
    ],
  },
  {
    name: 'a pause lengthens every open turn by its length',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive(2),
      lineBatch(0, [[admit(9), ['done', 1, 0]]], [admitted('ann-1', turnMs)]),
      command(100, control(3, 'pause'), [['paused', 3, 1, '', noon + 100]]),
      lineBatch(5100, [
        [look('ann'), ticket('ann-1', 0, 'admitted', { number: 1, until: turnMs + 5000 })],
        [lapse(9), ['done', 0, 1]],
      ]),
      lineBatch(60_100, [[lapse(9), ['done', 0, 1]]]),
      command(60_100, control(4, 'resume'), [['resumed', 4, 1, '', 60_000]]),
      lineBatch(60_000 + turnMs - 1, [[lapse(9), ['done', 0, 1]]]),
      batch(
        60_000 + turnMs - 1,
        [[hold('ann-9'), done('held', 60_000 + turnMs - 1, [1])]],
        [held('ann-9', 60_000 + turnMs - 1, [1]), finished('ann-1')],
      ),
      command(80_000, control(5, 'pause'), [['paused', 5, 1, '', noon + 80_000]]),
      command(80_500, control(6, 'resume'), [['resumed', 6, 1, '', 60_500]]),
    ],
  },
  {
    name: 'an outage lengthens every open turn too',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive(1),
      lineBatch(0, [[admit(9), ['done', 1, 0]]], [admitted('ann-1', turnMs)]),
      restart(5000),
      lineBatch(turnMs + 4999, [
        [look('ann'), ticket('ann-1', 0, 'admitted', { number: 1, until: turnMs + 5000 })],
        [lapse(9), ['done', 0, 1]],
      ]),
      lineBatch(turnMs + 5000, [[lapse(9), ['done', 1, 1]]], [lapsed('ann-1')]),
    ],
  },
];
