/** The bell, the end, and what lane commands do to a sale. */
import { batch, batchOf, command, flash, install, noon, other } from './case.ts';
import { freeze, restart, saleOf, settled, type Case } from './case.ts';
import { control, count, credit, debit, details, done, expired, held, hold, paid } from './say.ts';
import { pay, read, reap, release, released, replayed, touch } from './say.ts';
import { holdMs } from './case.ts';

export const saleCases: readonly Case[] = [
  {
    name: 'the bell: not one millisecond before its time, and every hold is told when',
    given: saleOf({ startsAt: noon }),
    steps: [
      batch(-1, [
        [hold('ann-1'), ['sale_not_started', noon]],
        [touch(), ['done', 'scheduled']],
      ]),
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [['opened', 0], held('ann-1', 0, [1])]),
    ],
  },
  {
    name: 'the bell waits for every credit of the sale’s creation',
    given: [install(1, { units: [2, 2] }), credit(2, 2, 0)],
    steps: [
      batch(0, [[hold('ann-1', { product: 'p0' }), ['sale_not_started', noon - 1000]]]),
      command(1, credit(3, 2, 1), [
        ['moved', 3, 1, '', 'mov_3', 'credit', 1, 2, 2, 2],
        ['opened', 0],
      ]),
    ],
  },
  {
    name: 'a touch opens a sale and ends it, so that it needs no shopper for that',
    given: saleOf({ startsAt: noon, endsAt: noon + 100 }),
    steps: [
      batch(0, [[touch(), ['done', 'live']]], [['opened', 0]]),
      batch(99, [[touch(), ['done', 'live']]]),
      batch(100, [[touch(), ['done', 'closing']]], [['closing', 0]]),
      batch(101, [[touch(), ['done', 'closing']]]),
    ],
  },
  {
    name: 'the end: no new hold from its time on, but holds that stand can be paid',
    given: saleOf({ endsAt: noon + 100 }),
    steps: [
      batch(99, [[hold('ann-1'), done('held', 99, [1])]], [held('ann-1', 99, [1])]),
      batch(
        100,
        [
          [hold('bob-1'), ['sale_ended']],
          [details('ann-1'), done('held', 99, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 99, [1], { details: true })],
        ],
        [['closing', 0], paid('ann-1', 'e1', [1])],
      ),
    ],
  },
  {
    name: 'a sale whose units came after its end opens and ends in one step',
    given: [install(1, { startsAt: noon, endsAt: noon + 100 })],
    steps: [
      command(200, credit(2, 10), [
        ['moved', 2, 1, '', 'mov_2', 'credit', 0, 10, 10, 10],
        ['opened', 0],
        ['closing', 0],
      ]),
      batch(201, [[hold('ann-1'), ['sale_ended']]]),
    ],
  },
  {
    name: 'lane time never goes back, so neither does a latch',
    given: saleOf({ startsAt: noon, endsAt: noon + 100 }),
    steps: [
      batch(
        100,
        [[touch(), ['done', 'closing']]],
        [
          ['opened', 0],
          ['closing', 0],
        ],
      ),
      batch(50, [[hold('ann-1'), ['sale_ended']]]),
    ],
  },
  {
    name: 'an install that wants no credit opens at once; a second one is refused',
    given: [],
    steps: [
      command(0, install(1, { creditsWanted: 0 }), [
        ['installed', 1, 1, ''],
        ['opened', 0],
      ]),
      command(1, install(2, { limit: 99 }), [['installed', 2, 0, 'exists']]),
      batch(2, [[hold('ann-1'), ['sold_out', 0, 0]]]),
    ],
  },
  {
    name: 'commands come in order: one again changes nothing, a gap waits',
    given: saleOf(),
    steps: [
      command(0, credit(2, 10), [], 0),
      command(0, credit(1, 10), [], 0),
      command(0, credit(4, 10), [], -1),
      command(1, credit(3, 10), [['moved', 3, 1, '', 'mov_3', 'credit', 0, 10, 20, 20]]),
      command(1, credit(3, 10), [], 0),
    ],
  },
  {
    name: 'a command for a sale that is not there is refused, and says all that it moved',
    given: [],
    steps: [
      command(0, credit(1, 5, 0, other), [['moved', 1, 0, 'not_found', 'mov_1', 'credit', 0, 5]]),
      command(0, debit(2, 5, 1, other), [['moved', 2, 0, 'not_found', 'mov_2', 'debit', 1, 5]]),
      command(0, control(3, 'pause', other), [['paused', 3, 0, 'not_found']]),
      command(0, control(4, 'resume', other), [['resumed', 4, 0, 'not_found']]),
      command(0, control(5, 'close', other), [['closed', 5, 0, 'not_found']]),
    ],
  },
  {
    name: 'a pause stops holds; paying, releasing and expiring go on',
    given: saleOf(),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('ann-2'), done('held', 0, [2])],
          [hold('bob-1'), done('held', 0, [3])],
        ],
        [held('ann-1', 0, [1]), held('ann-2', 0, [2]), held('bob-1', 0, [3])],
      ),
      command(1, control(3, 'pause'), [['paused', 3, 1, '']]),
      batch(
        2,
        [
          [hold('cyd-1'), ['sale_paused']],
          [hold('ann-1'), replayed('held', 0, [1])],
          [details('ann-1'), done('held', 0, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: true })],
          [release('ann-2'), done('released', 0, [2])],
        ],
        [paid('ann-1', 'e1', [1]), released('ann-2', [2])],
      ),
      batch(holdMs, [[read('bob-1'), done('expired', 0, [3])]], [expired('bob-1', [3])]),
      command(holdMs, control(4, 'pause'), [['paused', 4, 0, 'state', 'paused']]),
      command(holdMs, control(5, 'resume'), [['resumed', 5, 1, '']]),
      command(holdMs, control(6, 'resume'), [['resumed', 6, 0, 'state', 'live']]),
      batch(holdMs, [[hold('cyd-1'), done('held', holdMs, [2])]], [held('cyd-1', holdMs, [2])]),
    ],
  },
  {
    name: 'only a live sale pauses; one that ends while paused does not resume',
    given: saleOf({ startsAt: noon, endsAt: noon + 100 }),
    steps: [
      command(-1, control(3, 'pause'), [['paused', 3, 0, 'state', 'scheduled']]),
      command(0, control(4, 'pause'), [
        ['opened', 0],
        ['paused', 4, 1, ''],
      ]),
      command(100, control(5, 'resume'), [
        ['closing', 0],
        ['resumed', 5, 0, 'state', 'closing'],
      ]),
    ],
  },
  {
    name: 'a close with nothing held debits all that is free and closes the sale',
    given: saleOf({ endsAt: 0, units: [3, 2] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1', { product: 'p0', quantity: 2 }), done('held', 0, [1, 2])],
          [details('ann-1'), done('held', 0, [1, 2], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1, 2], { details: true })],
          [hold('bob-1', { product: 'p1' }), done('held', 0, [1], { item: 1 })],
          [release('bob-1'), done('released', 0, [1], { item: 1 })],
        ],
        [
          held('ann-1', 0, [1, 2]),
          paid('ann-1', 'e1', [1, 2]),
          held('bob-1', 0, [1], { item: 1 }),
          released('bob-1', [1], '', 1),
        ],
      ),
      command(1, control(4, 'close'), [['closed', 4, 1, '', [1, 2], [2, 0], [2, 1], [[], [1]]]]),
      command(2, control(5, 'close'), [['closed', 5, 0, 'state', 'closed']]),
      command(3, credit(6, 5), [['moved', 6, 0, 'closed', 'mov_6', 'credit', 0, 5, 2, 2]]),
      command(3, debit(7, 1), [['moved', 7, 0, 'insufficient', 'mov_7', 'debit', 0, 1, 2, 2, 0]]),
      command(3, control(8, 'pause'), [['paused', 8, 0, 'state', 'closed']]),
      batch(4, [
        [hold('cyd-1', { product: 'p0' }), ['sale_ended']],
        [read('ann-1'), done('paid', 0, [1, 2], { details: true, endedAt: 0 })],
        [touch(), ['done', 'closed']],
      ]),
    ],
  },
  {
    name: 'a close while units are held takes what is free, and is repeated until none is',
    given: saleOf({ units: [5] }),
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('bob-1', { quantity: 2 }), done('held', 0, [2, 3])],
        ],
        [held('ann-1', 0, [1]), held('bob-1', 0, [2, 3])],
      ),
      command(1, control(3, 'close'), [['closing', 3, 1, '', [2], [3], [3], [[]]]]),
      command(2, credit(4, 5), [['moved', 4, 0, 'closed', 'mov_4', 'credit', 0, 5, 3, 3]]),
      batch(
        3,
        [
          [hold('cyd-1'), ['sale_ended']],
          [release('bob-1'), done('released', 0, [2, 3])],
        ],
        [released('bob-1', [2, 3])],
      ),
      command(4, control(5, 'close'), [['closing', 5, 1, '', [2], [1], [3], [[3, 2]]]]),
      batch(
        5,
        [
          [details('ann-1'), done('held', 0, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: true })],
        ],
        [paid('ann-1', 'e1', [1])],
      ),
      command(6, control(6, 'close'), [['closed', 6, 1, '', [0], [1], [3], [[]]]]),
    ],
  },
  {
    name: 'a close ends overdue holds first, and may come before the bell',
    given: [...saleOf({ units: [2] }), ...saleOf({ sale: other, startsAt: noon + 900 }, 3)],
    steps: [
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]),
      command(holdMs, control(5, 'close'), [
        expired('ann-1', [1]),
        ['closed', 5, 1, '', [2], [0], [1], [[1]]],
      ]),
    ],
  },
  {
    name: 'a scheduled sale can be closed',
    given: saleOf({ startsAt: noon + 900 }),
    steps: [command(0, control(3, 'close'), [['closed', 3, 1, '', [10], [0], [0], [[]]]])],
  },
  {
    name: 'a batch of several sales: each decides for itself, all stand in one entry',
    given: [...saleOf({ units: [1] }), ...saleOf({ sale: other, units: [1] }, 3)],
    steps: [
      batchOf(
        0,
        [
          [hold('ann-1', { sale: other }), done('held', 0, [1])],
          [hold('ann-2'), done('held', 0, [1])],
          [hold('bob-1', { sale: other }), ['sold_out', 0, 1]],
          [release('ann-2'), done('released', 0, [1])],
          [touch(other), ['done', 'live']],
        ],
        [
          [other, [held('ann-1', 0, [1])]],
          [flash, [held('ann-2', 0, [1]), released('ann-2', [1])]],
        ],
      ),
    ],
  },
  {
    name: 'a frozen sale answers nothing and takes no command; its neighbour goes on',
    given: [...saleOf({ units: [1] }), ...saleOf({ sale: other, units: [1] }, 3)],
    steps: [
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]),
      freeze(),
      batchOf(
        holdMs,
        [
          [hold('ann-1'), ['sale_frozen']],
          [read('ann-1'), ['sale_frozen']],
          [hold('bob-1', { sale: other }), done('held', holdMs, [1])],
          [reap(5), ['sale_frozen']],
          [touch(), ['sale_frozen']],
          [count(), ['sale_frozen']],
        ],
        [[other, [held('bob-1', holdMs, [1])]]],
      ),
      command(holdMs, credit(5, 1), [['moved', 5, 0, 'sale_frozen', 'mov_5', 'credit', 0, 1]]),
      command(holdMs, debit(6, 1), [['moved', 6, 0, 'sale_frozen', 'mov_6', 'debit', 0, 1]]),
      command(holdMs, control(7, 'close'), [['closed', 7, 0, 'sale_frozen']]),
      command(holdMs, install(8), [['installed', 8, 0, 'sale_frozen']]),
    ],
  },
  {
    name: 'memory: new holds are refused, everything that stands can end',
    given: saleOf(),
    steps: [
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]),
      batch(
        1,
        [
          [hold('bob-1'), ['overloaded']],
          [hold('ann-1'), replayed('held', 0, [1])],
          [details('ann-1'), done('held', 0, [1], { details: true })],
          [pay('ann-1', 'e1'), done('paid', 0, [1], { details: true })],
        ],
        [paid('ann-1', 'e1', [1])],
        { memoryFull: true },
      ),
      batch(2, [[hold('bob-1'), done('held', 2, [2])]], [held('bob-1', 2, [2])]),
    ],
  },
  {
    name: 'too much in doubt by count: judged as the batch begins, over once it has settled',
    given: saleOf(), // three events: installed, moved, opened
    steps: [
      batch(
        0,
        [
          [hold('ann-1'), done('held', 0, [1])],
          [hold('bob-1'), done('held', 0, [2])],
        ],
        [held('ann-1', 0, [1]), held('bob-1', 0, [2])],
        { inDoubtMax: 4 },
      ),
      batch(
        1,
        [
          [hold('cyd-1'), ['overloaded']],
          [release('ann-1'), done('released', 0, [1])],
        ],
        [released('ann-1', [1])],
        { inDoubtMax: 4 },
      ),
      settled,
      batch(2, [[hold('cyd-1'), done('held', 2, [1])]], [held('cyd-1', 2, [1])], { inDoubtMax: 4 }),
    ],
  },
  {
    name: 'too long in doubt: counted from the first decision that Postgres has not',
    given: saleOf(),
    steps: [
      settled,
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])], {
        inDoubtMaxAgeMs: 1000,
      }),
      batch(999, [[hold('bob-1'), done('held', 999, [2])]], [held('bob-1', 999, [2])], {
        inDoubtMaxAgeMs: 1000,
      }),
      batch(1000, [[hold('cyd-1'), ['overloaded']]], [], { inDoubtMaxAgeMs: 1000 }),
      settled,
      batch(5000, [[hold('cyd-1'), done('held', 5000, [3])]], [held('cyd-1', 5000, [3])], {
        inDoubtMaxAgeMs: 1000,
      }),
    ],
  },
  {
    name: 'an outage leaves the window alone: it ends by lane time',
    given: saleOf({ endsAt: noon + 100 }),
    steps: [restart(5000), batch(100, [[hold('ann-1'), ['sale_ended']]], [['closing', 0]])],
  },
  {
    name: 'a new epoch counts its positions from 0, and goes on where the last one stopped',
    given: saleOf(),
    steps: [
      batch(0, [[hold('ann-1'), done('held', 0, [1])]], [held('ann-1', 0, [1])]),
      restart(0),
      restart(0),
      batch(
        1,
        [
          [hold('ann-1'), replayed('held', 0, [1])],
          [hold('bob-1'), done('held', 1, [2])],
        ],
        [held('bob-1', 1, [2])],
      ),
      command(2, credit(3, 1), [['moved', 3, 1, '', 'mov_3', 'credit', 0, 1, 11, 11]]),
    ],
  },
];
