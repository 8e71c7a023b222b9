/** Terms that a vendor changes before the bell, and units that go back before it. */
import { batch, change, command, freeze, lineBatch, noon, saleOf, type Case } from './case.ts';
import { control, debit, done, held, hold, touch } from './say.ts';
import { join, joined, lineSale, placed, queue } from './say-line.ts';

const later = { startsAt: noon, endsAt: noon + 1000 };

export const termsCases: readonly Case[] = [
  {
    name: 'before its bell a sale takes new terms: the bell, its end, limit and hold time',
    given: saleOf({ ...later, limit: 1, units: [4] }),
    steps: [
      command(-10, change(3, { startsAt: noon + 50, endsAt: noon + 200, limit: 2, holdMs: 500 }), [
        ['changed', 3, 1, ''],
      ]),
      batch(0, [[hold('ann-1'), ['sale_not_started', noon + 50]]]),
      batch(
        50,
        [[hold('ann-1', { quantity: 2 }), done('held', 50, [1, 2], { holdMs: 500 })]],
        [['opened', 0], held('ann-1', 50, [1, 2], { holdMs: 500 })],
      ),
      batch(200, [[touch(), ['done', 'closing']]], [['closing', 0]]),
    ],
  },
  {
    name: 'a bell that is moved to now rings at once',
    given: saleOf({ ...later }),
    steps: [
      command(-10, change(3, { startsAt: noon - 20, endsAt: noon + 1000 }), [
        ['changed', 3, 1, ''],
        ['opened', 0],
      ]),
    ],
  },
  {
    name: 'from the bell on terms stay what they are, and so in every state after it',
    given: saleOf({ ...later, units: [1] }),
    steps: [
      command(0, change(3), [
        ['opened', 0],
        ['changed', 3, 0, 'state', 'live'],
      ]),
      command(1, control(4, 'pause'), [['paused', 4, 1, '']]),
      command(2, change(5), [['changed', 5, 0, 'state', 'paused']]),
      command(3, control(6, 'close'), [['closed', 6, 1, '', [1], [0], [0], [[]]]]),
      command(4, change(7), [['changed', 7, 0, 'state', 'closed']]),
    ],
  },
  {
    name: 'terms of a sale that is not there, or is frozen, are refused',
    given: [],
    steps: [
      command(0, change(1), [['changed', 1, 0, 'not_found']]),
      ...saleOf({ startsAt: noon + 900 }, 2).map((c) =>
        command(1, c, [
          c.kind === 'install'
            ? ['installed', 2, 1, '']
            : ['moved', 3, 1, '', 'mov_0', 'credit', 0, 10, 10, 10],
        ]),
      ),
      freeze(),
      command(2, change(4), [['changed', 4, 0, 'sale_frozen']]),
    ],
  },
  {
    name: 'a line keeps its tickets; its mode and its guests too once somebody has joined',
    given: lineSale(),
    steps: [
      lineBatch(-100, [[join('ann-1'), placed('ann-1', 0)]], [joined('ann-1', 0)]),
      command(-90, change(3, { ...later, limit: 1, line: queue({ mode: 'draw' }) }), [
        ['changed', 3, 0, 'joined'],
      ]),
      command(-80, change(4, { ...later, limit: 1 }), [['changed', 4, 0, 'joined']]),
      command(-80, change(5, { ...later, limit: 1, verifiedOnly: true, line: queue() }), [
        ['changed', 5, 0, 'joined'],
      ]),
      command(-70, change(6, { ...later, limit: 1, line: queue({ lineMax: 1 }) }), [
        ['changed', 6, 1, ''],
      ]),
      lineBatch(-60, [[join('bob-1'), ['line_full']]]),
      batch(
        0,
        [[touch(), ['done', 'live']]],
        [
          ['opened', 0],
          ['bell', 0, 1],
        ],
      ),
    ],
  },
  {
    name: 'a line that nobody has joined changes its mode, goes, and comes again',
    given: lineSale(),
    steps: [
      command(-90, change(3, { ...later, line: queue({ mode: 'draw' }) }), [['changed', 3, 1, '']]),
      command(-80, change(4, { ...later }), [['changed', 4, 1, '']]),
      lineBatch(-70, [[join('ann-1'), ['not_found']]]),
      command(-60, change(5, { ...later, limit: 1, line: queue() }), [['changed', 5, 1, '']]),
      lineBatch(-50, [[join('ann-1'), placed('ann-1', 0)]], [joined('ann-1', 0)]),
    ],
  },
  {
    name: 'a flash sale gives units back before its bell, and none from then on',
    given: saleOf({ ...later, units: [5] }),
    steps: [
      command(-10, debit(3, 2), [['moved', 3, 1, '', 'mov_3', 'debit', 0, 2, 3, 3, 3, []]]),
      command(-5, debit(4, 9), [['moved', 4, 0, 'insufficient', 'mov_4', 'debit', 0, 9, 3, 3, 3]]),
      command(0, debit(5, 1), [
        ['opened', 0],
        ['moved', 5, 0, 'begun', 'mov_5', 'debit', 0, 1, 3, 3, 0],
      ]),
    ],
  },
];
