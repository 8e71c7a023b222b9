/** Taking a place: joins, replays, refusals and the bell. */
import { batch, command, freeze, lineBatch, noon, other, saleOf, type Case } from './case.ts';
import { control, done, held, hold, release, released, touch } from './say.ts';
import {
  admit,
  admitted,
  figures,
  finished,
  join,
  joined,
  lapse,
  leave,
  leaveBy,
  left,
} from './say-line.ts';
import { lineSale, look, numbers, placed, queue, seen, ticket, turnMs } from './say-line.ts';

export const early = [
  [join('ann-1'), placed('ann-1', 0)],
  [join('bob-1'), placed('bob-1', 1)],
  [join('cyd-1'), placed('cyd-1', 2)],
] as const;
export const earlyEvents = [joined('ann-1', 0), joined('bob-1', 1), joined('cyd-1', 2)];
export const bell = [['opened', 0] as const, ['bell', 0, 3] as const];

export const lineCases: readonly Case[] = [
  {
    name: 'a join before the bell takes an index and no number; one live ticket for each shopper',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-1'), placed('ann-1', 0)],
          [join('ann-1'), ticket('ann-1', 0, 'waiting', { code: 'replayed' })],
          [join('ann-2'), ticket('ann-1', 0, 'waiting')],
          [join('bob-1'), placed('bob-1', 1)],
          [look('bob'), ticket('bob-1', 1, 'waiting')],
        ],
        [joined('ann-1', 0), joined('bob-1', 1)],
        {
          figures: [
            ...(['queue', 'scheduled', -1, 0, 2, 2, 0, 0, 0, 10, 1, 0, -1] as const),
            ...([turnMs, 100, 0] as const),
          ],
        },
      ),
      lineBatch(-50, [[join('ann-2'), ticket('ann-1', 0, 'waiting')]]),
    ],
  },
  {
    name: 'the bell fixes how many had joined; whoever comes later has the number of their arrival',
    given: lineSale(),
    steps: [
      lineBatch(-100, early, earlyEvents),
      lineBatch(
        0,
        [
          [join('dan-1'), placed('dan-1', 3, { number: 4, ahead: 3 })],
          [join('eve-1'), placed('eve-1', 4, { number: 5, ahead: 4 })],
          [admit(10), ['done', 0, 10]],
        ],
        [...bell, joined('dan-1', 3, 4), joined('eve-1', 4, 5)],
      ),
      command(1, numbers(3, ['2 cyd', '0 ann', '1 bob']), [['numbers', 3, 1, '', 1, 3]]),
      lineBatch(2, [
        [look('cyd'), ticket('cyd-1', 2, 'waiting', { number: 1, ahead: 0 })],
        [look('ann'), ticket('ann-1', 0, 'waiting', { number: 2, ahead: 1 })],
        [look('eve'), ticket('eve-1', 4, 'waiting', { number: 5, ahead: 4 })],
      ]),
    ],
  },
  {
    name: 'a touch rings the bell; a hold before a turn, at the bell, is not admitted',
    given: lineSale(),
    steps: [
      batch(-1, [[hold('ann-9'), ['sale_not_started', noon]]]),
      lineBatch(-1, [[join('ann-1'), placed('ann-1', 0)]], [joined('ann-1', 0)]),
      batch(
        0,
        [
          [touch(), ['done', 'live']],
          [hold('ann-9'), ['not_admitted']],
          [hold('bob-9'), ['not_admitted']],
        ],
        [
          ['opened', 0],
          ['bell', 0, 1],
        ],
      ),
    ],
  },
  {
    name: 'a line that nobody joined before the bell needs no draw',
    given: lineSale(),
    steps: [
      lineBatch(
        0,
        [
          [join('ann-1'), placed('ann-1', 0, { number: 1, ahead: 0 })],
          [admit(5), ['done', 1, 9]],
        ],
        [['opened', 0], ['bell', 0, 0], joined('ann-1', 0, 1), admitted('ann-1', turnMs)],
      ),
    ],
  },
  {
    name: 'a draw takes no ticket after the bell, but shows those that it took',
    given: lineSale({ mode: 'draw' }),
    steps: [
      lineBatch(-1, [[join('ann-1'), placed('ann-1', 0)]], [joined('ann-1', 0)]),
      lineBatch(
        0,
        [
          [join('bob-1'), ['draw_closed']],
          [join('ann-2'), ticket('ann-1', 0, 'waiting')],
          [leave('ann'), ticket('ann-1', 0, 'left')],
          [join('ann-3'), ['draw_closed']],
          [join('ann-1'), ticket('ann-1', 0, 'left', { code: 'replayed' })],
        ],
        [['opened', 0], ['bell', 0, 1], left('ann-1')],
      ),
    ],
  },
  {
    name: 'a full line takes the next when somebody leaves',
    given: lineSale({ lineMax: 2 }),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-1'), placed('ann-1', 0)],
          [join('bob-1'), placed('bob-1', 1)],
          [join('cyd-1'), ['line_full']],
          [join('ann-2'), ticket('ann-1', 0, 'waiting')],
          [leave('bob'), ticket('bob-1', 1, 'left')],
          [join('cyd-1'), placed('cyd-1', 2)],
        ],
        [joined('ann-1', 0), joined('bob-1', 1), left('bob-1'), joined('cyd-1', 2)],
      ),
    ],
  },
  {
    name: 'who left joins anew, at the end; the key of a ticket that is over makes no second one',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-1'), placed('ann-1', 0)],
          [leave('ann'), ticket('ann-1', 0, 'left')],
          [leave('ann'), ticket('ann-1', 0, 'left')],
          [join('ann-1'), ticket('ann-1', 0, 'left', { code: 'replayed' })],
          [join('bob-1'), placed('bob-1', 1)],
          [join('ann-2'), placed('ann-2', 2)],
          [join('ann-1'), ['idempotency_key_reused', 1]],
          [leave('ann'), ticket('ann-2', 2, 'left')],
          [join('ann-1'), ['idempotency_key_reused', 1]],
        ],
        [joined('ann-1', 0), left('ann-1'), joined('bob-1', 1), joined('ann-2', 2), left('ann-2')],
      ),
    ],
  },
  {
    name: 'a key leaves once: its repeat leaves no ticket that its shopper took since',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-1'), placed('ann-1', 0)],
          [leaveBy('ann-x'), ticket('ann-1', 0, 'left')],
          [leaveBy('ann-x'), ticket('ann-1', 0, 'left', { code: 'replayed' })],
          [join('ann-2'), placed('ann-2', 1)],
          [leaveBy('ann-x'), ticket('ann-2', 1, 'waiting', { code: 'replayed' })],
          [leaveBy('bob-x'), ['not_found']],
        ],
        [joined('ann-1', 0), left('ann-1', 'ann-x'), joined('ann-2', 1)],
      ),
      lineBatch(
        -50,
        [
          [leaveBy('ann-x'), ticket('ann-2', 1, 'waiting', { code: 'replayed' })],
          [leaveBy('ann-y'), ticket('ann-2', 1, 'left')],
          [join('ann-3'), placed('ann-3', 2)],
          [leave('ann'), ticket('ann-3', 2, 'left')],
          [join('ann-4'), placed('ann-4', 3)],
          [leaveBy('ann-x'), ticket('ann-4', 3, 'waiting', { code: 'replayed' })],
          [leaveBy('ann-y'), ticket('ann-4', 3, 'waiting', { code: 'replayed' })],
        ],
        [left('ann-2', 'ann-y'), joined('ann-3', 2), left('ann-3'), joined('ann-4', 3)],
      ),
      lineBatch(
        10,
        [
          [leaveBy('ann-y'), ticket('ann-4', 3, 'waiting', { code: 'replayed' })],
          [leaveBy('ann-z'), ticket('ann-4', 3, 'left')],
        ],
        [['opened', 0], ['bell', 0, 4], left('ann-4', 'ann-z')],
      ),
    ],
  },
  {
    name: 'a leave that finds its ticket over has no effect, and its key is not kept',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-1'), placed('ann-1', 0)],
          [leave('ann'), ticket('ann-1', 0, 'left')],
          [leaveBy('ann-x'), ticket('ann-1', 0, 'left')],
          [leaveBy('ann-x'), ticket('ann-1', 0, 'left')],
          [join('ann-2'), placed('ann-2', 1)],
          [leaveBy('ann-x'), ticket('ann-2', 1, 'left')],
        ],
        [joined('ann-1', 0), left('ann-1'), joined('ann-2', 1), left('ann-2', 'ann-x')],
      ),
    ],
  },
  {
    name: 'a key that came with another body makes nothing, whatever has become of its ticket',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          [join('ann-0123456789abcdef-1'), placed('ann-0123456789abcdef-1', 0)],
          [join('ann-0123456789abcdef-2'), ['idempotency_key_reused']],
          [leave('ann'), ticket('ann-0123456789abcdef-1', 0, 'left')],
          [join('ann-0123456789abcdef-2'), ['idempotency_key_reused']],
          [join('ann-2'), placed('ann-2', 1)],
          [join('ann-0123456789abcdef-2'), ['idempotency_key_reused']],
          [leave('ann'), ticket('ann-2', 1, 'left')],
          [join('ann-0123456789abcdef-2'), ['idempotency_key_reused']],
        ],
        [
          joined('ann-0123456789abcdef-1', 0),
          left('ann-0123456789abcdef-1'),
          joined('ann-2', 1),
          left('ann-2'),
        ],
      ),
    ],
  },
  {
    name: 'a shopper takes so many tickets in a sale, and no more',
    given: lineSale(),
    steps: [
      lineBatch(
        -100,
        [
          ...Array.from({ length: 16 }, (_, i) => [
            [join(`ann-${i}`), placed(`ann-${i}`, i)] as const,
            [leave('ann'), ticket(`ann-${i}`, i, 'left')] as const,
          ]).flat(),
          [join('ann-16'), ['limit_reached', 16, 16]],
        ],
        Array.from({ length: 16 }, (_, i) => [joined(`ann-${i}`, i), left(`ann-${i}`)]).flat(),
      ),
    ],
  },
  {
    name: 'who may not hold, or cannot, does not wait: guests, owners of all they may, after the end',
    given: lineSale({}, { verifiedOnly: true, endsAt: noon + 90_000 }),
    steps: [
      lineBatch(
        0,
        [
          [join('guest-1', { verified: false }), ['forbidden']],
          [join('ann-1'), placed('ann-1', 0, { number: 1, ahead: 0 })],
          [admit(1), ['done', 1, 9]],
        ],
        [['opened', 0], ['bell', 0, 0], joined('ann-1', 0, 1), admitted('ann-1', turnMs)],
      ),
      batch(1, [[hold('ann-9'), done('held', 1, [1])]], [held('ann-9', 1, [1]), finished('ann-1')]),
      lineBatch(2, [[join('ann-2'), ['limit_reached', 1, 1]]]),
      batch(3, [[release('ann-9'), done('released', 1, [1])]], [released('ann-9', [1])]),
      lineBatch(
        4,
        [[join('ann-2'), placed('ann-2', 1, { number: 2, ahead: 0 })]],
        [joined('ann-2', 1, 2)],
      ),
      lineBatch(
        90_000,
        [
          [join('bob-1'), ['sale_ended']],
          [join('ann-2'), ticket('ann-2', 1, 'waiting', { code: 'replayed', number: 2, ahead: 0 })],
          [leave('ann'), ticket('ann-2', 1, 'left', { number: 2 })],
        ],
        [['closing', 0], left('ann-2')],
      ),
    ],
  },
  {
    name: 'a join ends the overdue hold that fills its shopper’s limit',
    given: lineSale({}, { startsAt: noon - 1000 }),
    steps: [
      lineBatch(
        0,
        [
          [join('ann-1'), placed('ann-1', 0, { number: 1, ahead: 0 })],
          [admit(1), ['done', 1, 9]],
        ],
        [joined('ann-1', 0, 1), admitted('ann-1', turnMs)],
      ),
      batch(1, [[hold('ann-9'), done('held', 1, [1])]], [held('ann-9', 1, [1]), finished('ann-1')]),
      lineBatch(
        60_001,
        [[join('ann-2'), placed('ann-2', 1, { number: 2, ahead: 0 })]],
        [['expired', 'ann-9', 'ann', '', 0, 0, [1], 0], joined('ann-2', 1, 2)],
      ),
    ],
  },
  {
    name: 'overloaded: nobody joins and nobody is admitted; places that are held stay and may be left',
    given: lineSale({}, { startsAt: noon - 1000 }),
    steps: [
      lineBatch(
        0,
        [[join('ann-1'), placed('ann-1', 0, { number: 1, ahead: 0 })]],
        [joined('ann-1', 0, 1)],
      ),
      lineBatch(
        1,
        [
          [join('bob-1'), ['overloaded']],
          [admit(1), ['overloaded']],
          [look('ann'), ticket('ann-1', 0, 'waiting', { number: 1, ahead: 0 })],
          [leave('ann'), ticket('ann-1', 0, 'left', { number: 1 })],
        ],
        [left('ann-1')],
        { bounds: { memoryFull: true } },
      ),
    ],
  },
  {
    name: 'no line, no ticket, no sale',
    given: [
      ...saleOf(),
      ...lineSale({}, { sale: other }).map((c) => ({ ...c, number: c.number + 2 })),
    ],
    steps: [
      lineBatch(-1, [
        [leave('ann', other), ['not_found']],
        [look('ann', true, other), ['not_found']],
        [join('ann-1', { sale: 'sal_0000000000000ccc' }), ['not_found']],
      ]),
      lineBatch(0, [
        [join('ann-1'), ['not_found']],
        [leave('ann'), ['not_found']],
        [look('ann'), ['not_found']],
        [seen('ann'), ['not_found']],
        [admit(1), ['not_found']],
        [lapse(1), ['not_found']],
        [figures(), ['not_found']],
      ]),
    ],
  },
  {
    name: 'a frozen sale gives no place',
    given: lineSale(),
    steps: [
      freeze(),
      lineBatch(0, [
        [join('ann-1'), ['sale_frozen']],
        [leave('ann'), ['sale_frozen']],
        [seen('ann'), ['sale_frozen']],
        [admit(1), ['sale_frozen']],
        [figures(), ['sale_frozen']],
      ]),
      command(1, numbers(3, ['0 ann']), [['numbers', 3, 0, 'sale_frozen', 1, 1]]),
    ],
  },
  {
    name: 'a paused sale takes joins and admits nobody',
    given: saleOf({ startsAt: noon - 1000, limit: 1, line: queue() }),
    steps: [
      command(0, control(3, 'pause'), [['paused', 3, 1, '', noon]]),
      lineBatch(
        1,
        [
          [join('ann-1'), placed('ann-1', 0, { number: 1, ahead: 0 })],
          [admit(1), ['done', 0, 10]],
        ],
        [joined('ann-1', 0, 1)],
      ),
      batch(2, [[hold('ann-9'), ['sale_paused']]]),
      command(100, control(4, 'resume'), [['resumed', 4, 1, '', 100]]),
      lineBatch(101, [[admit(1), ['done', 1, 9]]], [admitted('ann-1', 1 + turnMs)]),
    ],
  },
];
