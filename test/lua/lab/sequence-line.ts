/**
 * Random histories of a sale with a line, as fast-check arbitraries: a few shoppers join, leave, look,
 * are drawn, admitted and hold, while the sale is paused, credited, ended and its server started anew.
 */
import fc from 'fast-check';
import { lineKeyOf } from '../../../engine/domain/ids.ts';
import type { Lane } from '../../../engine/domain/lane/state.ts';
import type { LaneCommand, LineCommand, ShopCommand } from '../../../engine/domain/lane/words.ts';
import { flash, noon, other, type SaleOptions } from '../cases/case.ts';
import { bounds, holdMs, laneCommand, wait } from './sequence.ts';
import type { Move, Sequence, Unnumbered } from './sequence.ts';

const shoppers = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay'];
const ticketKeysMax = 2;
const rejoins = 18;

/** Most of what happens is the line's; its neighbour has none. */
const sale = fc.constantFrom(flash, flash, flash, flash, flash, flash, flash, other);
const shopper = fc.constantFrom(...shoppers);

const join: fc.Arbitrary<LineCommand> = fc
  .record({
    sale,
    shopper,
    key: fc.nat({ max: ticketKeysMax }),
    verified: fc.constantFrom(true, true, true, true, false),
  })
  .map(({ key, ...c }) => ({ kind: 'join', ...c, key: `${c.shopper}-t${key}` }));

/** Keys are few, so that some come again when their ticket has been followed by another. */
const leave: fc.Arbitrary<LineCommand> = fc
  .record({ sale, shopper, key: fc.constantFrom('', 'l0', 'l0', 'l1', 'l2') })
  .map((c) => ({ kind: 'leave', ...c }));

const most = fc.constantFrom(0, 1, 1, 2, 3, 50);

const lineCommand: fc.Arbitrary<LineCommand> = fc.oneof(
  { weight: 10, arbitrary: join },
  { weight: 2, arbitrary: leave },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ticket' as const),
      sale,
      shopper,
      present: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('seen' as const),
      sale,
      shoppers: fc.uniqueArray(fc.constantFrom(...shoppers, 'zoe'), { maxLength: 7 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('admit' as const), sale, most }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lapse' as const), sale, most }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('line' as const), sale }) },
);

/** Everybody comes at once, in some order. */
const rush: fc.Arbitrary<LineCommand[]> = fc
  .shuffledSubarray(shoppers, { minLength: 3 })
  .map((some) =>
    some.map((name) => ({
      kind: 'join',
      sale: flash,
      shopper: name,
      key: `${name}-t0`,
      verified: true,
    })),
  );

/** Somebody who cannot make up their mind, until no ticket is left for them; each leave comes again. */
const wavering: fc.Arbitrary<LineCommand[]> = shopper.map((name) =>
  Array.from({ length: rejoins }, (_, i): LineCommand[] => [
    { kind: 'join', sale: flash, shopper: name, key: `${name}-w${i}`, verified: true },
    { kind: 'leave', sale: flash, shopper: name, key: `w${i - 1}` },
    { kind: 'leave', sale: flash, shopper: name, key: `w${i}` },
  ]).flat(),
);

const lineCommands: fc.Arbitrary<LineCommand[]> = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: lineCommand.map((c) => [c]) },
      { weight: 3, arbitrary: rush },
      { weight: 1, arbitrary: wavering },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((groups) => groups.flat());

const hold: fc.Arbitrary<ShopCommand> = fc
  .record({
    sale,
    shopper,
    key: fc.nat({ max: 3 }),
    quantity: fc.constantFrom(1, 1, 1, 2, 3),
    verified: fc.constantFrom(true, true, true, true, false),
  })
  .map(({ key, ...c }) => {
    return { kind: 'hold', ...c, key: `${c.shopper}-${key}`, fingerprint: 1, product: 'p0' };
  });

const order = fc
  .record({ sale, shopper, key: fc.nat({ max: 3 }), what: fc.nat({ max: 3 }) })
  .map(({ what, key, ...o }): ShopCommand[] => {
    const named = { ...o, key: `${o.shopper}-${key}` };
    const end = { endKey: 'e1', endFingerprint: 5 };
    if (what === 0) return [{ kind: 'read', ...named }];
    if (what === 1) return [{ kind: 'release', ...named, ...end }];
    return [
      { kind: 'details', ...named, generation: 1 },
      { kind: 'pay', ...named, ...end },
    ];
  });

/** An order of two or three lines by one turn. */
const together = fc
  .record({
    shopper,
    nth: fc.nat({ max: 1 }),
    sales: fc.array(sale, { minLength: 2, maxLength: 3 }),
  })
  .map(({ shopper: name, nth, sales }): ShopCommand => ({
    kind: 'together',
    sale: sales[0] ?? flash,
    lines: sales.map((id, i) => ({
      ...({
        kind: 'hold',
        sale: id,
        shopper: name,
        key: lineKeyOf(`${name}-g${nth}-${i}xxxx`, i),
      } as const),
      ...{ fingerprint: 1, quantity: 1, verified: true },
      product: i === 1 && id === flash ? 'p1' : 'p0',
    })),
  }));

const shopCommands: fc.Arbitrary<ShopCommand[]> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: hold.map((c) => [c]) },
      { weight: 2, arbitrary: order },
      { weight: 3, arbitrary: together.map((c) => [c]) },
      {
        weight: 1,
        arbitrary: sale.map((id): ShopCommand[] => [
          { kind: 'reap', sale: id, most: 3 },
          { kind: 'touch', sale: id },
        ]),
      },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((groups) => groups.flat());

/** Numbers for a part of those who had joined before the bell, shuffled; seldom the wrong part. */
const numbers: fc.Arbitrary<Unnumbered> = fc
  .record({
    share: fc.constantFrom(1, 1, 1, 0.5, 2),
    skip: fc.constantFrom(0, 0, 0, 0, 0, 1),
  })
  .map(({ share, skip }) => (number: number, lane: Lane): LaneCommand => {
    const line = lane.sales.get(flash)?.line;
    const tickets = drawn(lane);
    // The command itself may ring the bell: what was drawn before it must not be taken.
    const early = { number, sale: flash, kind: 'numbers', from: 1 } as const;
    if ((line?.bell ?? -1) < 0) {
      return { ...early, tickets: Array.from({ length: (line?.joined ?? 0) + 1 }, () => nobody) };
    }
    const from = (line?.given ?? 0) + 1 + skip;
    const count = Math.max(1, Math.ceil((tickets.length - from + 1) * share));
    const chunk = Array.from({ length: count }, (_, i) => tickets[from - 1 + i] ?? nobody);
    return { number, sale: flash, kind: 'numbers', from, tickets: chunk };
  });

/** As many as are drawn at most, and one more: of more than joined nothing is given. */
const nobody = [0, 'zoe'] as const;

/** Those who had joined before the bell, in an order of their own; a later ticket's shopper left an earlier one. */
function drawn(lane: Lane): (readonly [index: number, shopper: string])[] {
  const sale = lane.sales.get(flash);
  const bell = Math.max(0, sale?.line?.bell ?? 0);
  const byIndex = new Map<number, string>();
  for (const [name, { ticket }] of sale?.records ?? []) {
    if (ticket !== null) byIndex.set(ticket.index, name);
  }
  const order = Array.from({ length: bell }, (_, i) => i);
  const rank = (i: number): number => Math.imul(i + 1, 2_654_435_761) >>> 0;
  return order.sort((a, b) => rank(a) - rank(b)).map((i) => [i, byIndex.get(i) ?? 'zoe'] as const);
}

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('line' as const),
      wait,
      commands: lineCommands,
      bounds,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      wait,
      commands: shopCommands,
      bounds,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      wait,
      ahead: fc.constantFrom(1, 1, 1, 1, 1, 1, 0, 2),
      command: fc.oneof({ weight: 3, arbitrary: numbers }, { weight: 2, arbitrary: laneCommand }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      outageMs: fc.constantFrom(0, 1, 5000, 60_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'settled' as const }) },
);

const salesOf = fc
  .record({
    units: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })),
    limit: fc.constantFrom(1, 2, 3),
    startsIn: fc.constantFrom(-1000, 1, 500, 500),
    lasts: fc.constantFrom(0, 0, 0, 120_000),
    verifiedOnly: fc.boolean(),
    line: fc.record({
      mode: fc.constantFrom('queue' as const, 'draw' as const),
      turnMs: fc.constantFrom(1000, 10_000, 60_000),
      factorPercent: fc.constantFrom(100, 100, 100, 50, 150, 300),
      lineMax: fc.constantFrom(2, 100, 100),
    }),
  })
  .map(({ startsIn, lasts, ...terms }): SaleOptions[] => {
    const endsAt = lasts === 0 ? 0 : noon + lasts;
    return [
      { ...terms, startsAt: noon + startsIn, endsAt, holdMs },
      { sale: other, units: [5], limit: 30, holdMs },
    ];
  });

export const lineSequences: fc.Arbitrary<Sequence> = fc.record({
  sales: salesOf,
  moves: fc.array(move, { minLength: 1, maxLength: 40, size: 'max' }),
});
