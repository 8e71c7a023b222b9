/** Who is away when their number comes is passed over, and comes first when they are back. */
import { command, lineBatch, noon, restart, type Case } from './case.ts';
import { credit } from './say.ts';
import { admit, admitted, join, joined, leave, left, lineSale, look, placed } from './say-line.ts';
import { seen, ticket, turnMs } from './say-line.ts';

const open = { startsAt: noon - 1000 } as const;
/** ms; who was not seen for longer is away. */
const grace = 30_000;

const arrive = lineBatch(
  0,
  ['ann', 'bob', 'cyd'].map((name, i) => {
    return [join(`${name}-1`), placed(`${name}-1`, i, { number: i + 1, ahead: i })] as const;
  }),
  ['ann', 'bob', 'cyd'].map((name, i) => joined(`${name}-1`, i, i + 1)),
);

export const placeCases: readonly Case[] = [
  {
    name: 'a join is being seen: nobody is away before the grace is over',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive,
      lineBatch(grace, [[admit(1), ['done', 1, 0]]], [admitted('ann-1', grace + turnMs)]),
    ],
  },
  {
    name: 'who is away is parked, and whoever was seen goes first',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive,
      lineBatch(1000, [
        [seen('bob', 'zoe'), ['done']],
        [look('cyd', true), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 2 })],
        [look('ann', false), ticket('ann-1', 0, 'waiting', { number: 1, ahead: 0 })],
      ]),
      lineBatch(grace + 1, [[admit(1), ['done', 1, 0]]], [admitted('bob-1', grace + 1 + turnMs)], {
        figures: [
          ...(['queue', 'live', 0, 1, 3, 2, 1, 1, 1, 1, 1, 2, 2] as const),
          ...([turnMs, 100, 1] as const),
        ],
      }),
      // Parked, nobody waits before it; back, it is before cyd again.
      lineBatch(grace + 2, [
        [look('ann'), ticket('ann-1', 0, 'waiting', { number: 1, ahead: 0 })],
        [look('cyd'), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 0 })],
      ]),
      lineBatch(grace + 3, [
        [seen('ann'), ['done']],
        [look('cyd'), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 1 })],
      ]),
      command(grace + 4, credit(3, 1), [['moved', 3, 1, '', 'mov_3', 'credit', 0, 1, 2, 2]]),
      lineBatch(grace + 5, [[admit(1), ['done', 1, 0]]], [admitted('ann-1', grace + 5 + turnMs)]),
    ],
  },
  {
    name: 'a look by its owner, and a join under another key, bring a parked ticket back',
    given: lineSale({}, { ...open, units: [2] }),
    steps: [
      arrive,
      lineBatch(
        grace + 1,
        [
          [admit(9), ['done', 0, 2]],
          [look('cyd', true), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 0 })],
          [admit(9), ['done', 1, 1]],
        ],
        [admitted('cyd-1', grace + 1 + turnMs)],
      ),
      lineBatch(
        grace + 2,
        [
          [join('bob-2'), ticket('bob-1', 1, 'waiting', { number: 2, ahead: 0 })],
          [admit(9), ['done', 1, 0]],
        ],
        [admitted('bob-1', grace + 2 + turnMs)],
      ),
    ],
  },
  {
    name: 'a parked ticket is left like any other',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive,
      lineBatch(
        grace + 1,
        [
          [admit(9), ['done', 0, 1]],
          [leave('bob'), ticket('bob-1', 1, 'left', { number: 2 })],
          [join('ann-2'), ticket('ann-1', 0, 'waiting', { number: 1, ahead: 0 })],
          [look('cyd', true), ticket('cyd-1', 2, 'waiting', { number: 3, ahead: 0 })],
          [admit(9), ['done', 1, 0]],
        ],
        [left('bob-1'), admitted('ann-1', grace + 1 + turnMs)],
      ),
    ],
  },
  {
    name: 'after an outage nobody counts as away since longer',
    given: lineSale({}, { ...open, units: [1] }),
    steps: [
      arrive,
      restart(50_000),
      lineBatch(
        grace + 100,
        [[admit(1), ['done', 1, 0]]],
        [admitted('ann-1', grace + 100 - 50_000 + turnMs)],
      ),
    ],
  },
];
