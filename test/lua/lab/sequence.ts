/**
 * Random histories of a lane, as fast-check arbitraries: few shoppers, few keys and few units, so
 * that keys are used again, limits are reached, units run out and deadlines fall between batches.
 */
import fc from 'fast-check';
import { lineKeyOf } from '../../../engine/domain/ids.ts';
import type { Bounds } from '../../../engine/domain/lane/batch.ts';
import type { Lane } from '../../../engine/domain/lane/state.ts';
import type { LaneCommand, LineCommand, ShopCommand } from '../../../engine/domain/lane/words.ts';
import { change, flash, install, noon, other, type SaleOptions } from '../cases/case.ts';

/** A lane command without its number, which is counted from the last one applied. */
export type Unnumbered = (number: number, lane: Lane) => LaneCommand;

export type Move =
  | {
      readonly kind: 'batch';
      readonly wait: number;
      readonly commands: readonly ShopCommand[];
      readonly bounds: Partial<Bounds>;
    }
  | {
      readonly kind: 'line';
      readonly wait: number;
      readonly commands: readonly LineCommand[];
      readonly bounds: Partial<Bounds>;
    }
  | {
      readonly kind: 'command';
      readonly wait: number;
      /** 1 = the next number, 0 = the last again, 2 = one is missing. */
      readonly ahead: number;
      readonly command: Unnumbered;
    }
  | { readonly kind: 'restart'; readonly outageMs: number }
  | { readonly kind: 'settled' };

export interface Sequence {
  readonly sales: readonly SaleOptions[];
  readonly moves: readonly Move[];
}

export const holdMs = 10_000;
const shoppers = ['ann', 'bob', 'cyd'];
/** More than a record keeps together, so that some orders stand for themselves. */
const keysMax = 11;
const usualKeysMax = 2;

const sale = fc.constantFrom(flash, flash, flash, other);
const key = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: usualKeysMax }) },
  { weight: 1, arbitrary: fc.nat({ max: keysMax }) },
);
const order = fc
  .record({ shopper: fc.constantFrom(...shoppers), key })
  .map(({ shopper, key }) => ({ shopper, key: `${shopper}-${key}` }));

const holdCommand = fc
  .record({
    sale,
    order,
    fingerprint: fc.constantFrom(1, 1, 1, 1, 2),
    quantity: fc.constantFrom(1, 1, 1, 2, 3),
    product: fc.constantFrom('p0', 'p0', 'p1', '', 'px'),
    verified: fc.constantFrom(true, true, true, false),
  })
  .map(({ order: o, ...c }): ShopCommand => ({ kind: 'hold', ...c, ...o }));

const endCommand = fc
  .record({
    kind: fc.constantFrom('pay' as const, 'release' as const),
    sale,
    order,
    endKey: fc.constantFrom('e1', 'e1', 'e2', ''),
    endFingerprint: fc.constantFrom(5, 5, 5, 6),
  })
  .map(({ order: o, ...c }): ShopCommand => ({ ...c, ...o }));

const orderCommand = fc
  .record({ sale, order, generation: fc.constantFrom(1, 2, 3, 0) })
  .map(({ sale: id, order: o, generation }): ShopCommand =>
    generation === 0
      ? { kind: 'read', sale: id, ...o }
      : { kind: 'details', sale: id, ...o, generation },
  );

const loopCommand = fc.oneof(
  fc.record({ kind: fc.constantFrom('count' as const, 'touch' as const), sale }),
  fc.record({ kind: fc.constant('reap' as const), sale, most: fc.constantFrom(0, 1, 2, 3, 50) }),
);

const shopCommand: fc.Arbitrary<ShopCommand> = fc.oneof(
  { weight: 10, arbitrary: holdCommand },
  { weight: 5, arbitrary: endCommand },
  { weight: 4, arbitrary: orderCommand },
  { weight: 2, arbitrary: loopCommand },
);

/** A shopper who knows what to do: hold, details, pay, and sometimes asks again. */
const purchase = fc
  .record({ sale, order, again: fc.boolean() })
  .map(({ sale: id, order: o, again }): ShopCommand[] => {
    const product = 'p0';
    const pay = { kind: 'pay', sale: id, ...o, endKey: 'e1', endFingerprint: 5 } as const;
    return [
      { kind: 'hold', sale: id, ...o, fingerprint: 1, quantity: 1, product, verified: true },
      { kind: 'details', sale: id, ...o, generation: 1 },
      pay,
      ...(again ? [pay] : []),
    ];
  });

/** Sales of the lines of a shopper's first, second … order of several: mostly so, to be met again. */
const usualLines = [
  [flash, other],
  [other, flash, flash],
  [other, other],
];

/** A shopper whose orders have several lines. */
const lines = fc.record({
  shopper: fc.constantFrom(...shoppers),
  nth: fc.nat({ max: 2 }),
  strange: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.array(sale, { minLength: 1, maxLength: 4 }) },
  ),
  quantities: fc.array(fc.constantFrom(1, 1, 1, 2), { minLength: 4, maxLength: 4 }),
  endKey: fc.constantFrom('e1', 'e1', 'e2', ''),
  what: fc.constantFrom('pay' as const, 'pay' as const, 'release' as const, 'read' as const),
  isLook: fc.constantFrom(false, false, false, true),
});

const orderTogether = lines.map(
  ({ shopper, nth, strange, quantities, endKey, what, isLook }): ShopCommand[] => {
    const named = (strange ?? usualLines[nth] ?? []).map((id, i) => ({
      sale: id,
      shopper,
      key: lineKeyOf(`${shopper}-g${nth}-${i}xxxx`, i),
    }));
    const [home] = named;
    if (home === undefined) return [];
    const holds = named.map((line, i) => ({
      ...({ kind: 'hold', ...line, fingerprint: 1, verified: true } as const),
      quantity: quantities[i] ?? 1,
      product: i % 3 === 2 && line.sale === flash ? 'p1' : 'p0',
    }));
    const ends = named.map((line) => ({
      ...({ kind: what === 'read' ? 'pay' : what, ...line } as const),
      ...{ endKey, endFingerprint: 5 },
    }));
    const reads = named.map((line) => ({ kind: 'read', ...line }) as const);
    const together = { kind: 'together', sale: home.sale, lines: holds } as const;
    return [
      ...(isLook ? [{ ...together, isLook }] : []),
      together,
      { kind: 'details', ...home, generation: 1 },
      { kind: 'together', sale: home.sale, lines: what === 'read' ? reads : ends },
    ];
  },
);

/** A shopper who takes whatever there is. */
const spree = fc
  .record({ sale: fc.constantFrom(other, other, flash), shopper: fc.constantFrom(...shoppers) })
  .map(({ sale: id, shopper }): ShopCommand[] =>
    Array.from({ length: keysMax + 1 }, (_, i) => ({
      kind: 'hold',
      sale: id,
      shopper,
      key: `${shopper}-${i}`,
      fingerprint: 1,
      quantity: 1,
      product: 'p0',
      verified: true,
    })),
  );

const commands: fc.Arbitrary<ShopCommand[]> = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: shopCommand.map((c) => [c]) },
      { weight: 3, arbitrary: purchase },
      { weight: 2, arbitrary: orderTogether },
      { weight: 1, arbitrary: orderTogether.map((all) => all.slice(0, 2)) },
      { weight: 2, arbitrary: orderTogether.map((all) => all.slice(2)) },
      { weight: 1, arbitrary: spree },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((groups) => groups.flat());

export const laneCommand: fc.Arbitrary<Unnumbered> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        kind: fc.constantFrom('credit' as const, 'debit' as const),
        sale,
        item: fc.nat({ max: 1 }),
        units: fc.integer({ min: 1, max: 4 }),
      })
      // The second sale has one item: a command for another is a fault, and not for this test.
      .map(({ item, ...c }) => (number: number): LaneCommand => ({
        ...c,
        number,
        move: `mov_${number}`,
        item: c.sale === other ? 0 : item,
      })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        kind: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const),
        sale,
      })
      .map((c) => (number: number): LaneCommand => ({ ...c, number })),
  },
  {
    weight: 1,
    arbitrary: sale.map((id) => (number: number): LaneCommand => ({
      number,
      sale: id,
      kind: 'close',
    })),
  },
  { weight: 1, arbitrary: sale.map((id) => (number: number) => install(number, { sale: id })) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        sale,
        startsIn: fc.constantFrom(0, 500, 30_000),
        limit: fc.constantFrom(1, 3),
        mode: fc.constantFrom('queue' as const, 'draw' as const, null),
      })
      .map((c) => (number: number, lane: Lane) => newTerms(number, lane, c)),
  },
);

interface NewTerms {
  readonly sale: string;
  readonly startsIn: number;
  readonly limit: number;
  readonly mode: 'queue' | 'draw' | null;
}

/** Other terms for the sale as it is: with its items. */
function newTerms(number: number, lane: Lane, c: NewTerms): LaneCommand {
  const items = lane.sales.get(c.sale)?.items.length ?? 1;
  const line = { turnMs: 10_000, factorPercent: 100, lineMax: 3 };
  return change(number, {
    sale: c.sale,
    startsAt: noon + c.startsIn,
    limit: c.limit,
    units: Array.from({ length: items }, () => 1),
    ...(c.mode === null ? {} : { line: { mode: c.mode, ...line } }),
  });
}

export const wait = fc.constantFrom(0, 0, 0, 1, 100, 1000, holdMs - 1, holdMs, 15_000, 60_000);

export const bounds: fc.Arbitrary<Partial<Bounds>> = fc.oneof(
  { weight: 16, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ memoryFull: true }) },
  { weight: 1, arbitrary: fc.record({ inDoubtMax: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ inDoubtMaxAgeMs: fc.constantFrom(1, 1000, 30_000) }) },
);

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      wait,
      commands,
      bounds,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      wait,
      ahead: fc.constantFrom(1, 1, 1, 1, 1, 1, 0, 2),
      command: laneCommand,
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
    units: fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3 })),
    limit: fc.constantFrom(1, 2, 3, 12),
    startsIn: fc.constantFrom(-1000, -1000, -1000, 500),
    lasts: fc.constantFrom(0, 0, 30_000, 120_000),
    verifiedOnly: fc.boolean(),
    otherUnits: fc.integer({ min: 1, max: 30 }),
    otherHold: fc.constantFrom(1, 1, 0.5, 2),
  })
  .map(({ units, limit, startsIn, lasts, verifiedOnly, otherUnits, otherHold }): SaleOptions[] => {
    const endsAt = lasts === 0 ? 0 : noon + lasts;
    return [
      { units, limit, startsAt: noon + startsIn, endsAt, verifiedOnly, holdMs },
      { sale: other, units: [otherUnits], limit: 30, holdMs: holdMs * otherHold },
    ];
  });

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  sales: salesOf,
  moves: fc.array(move, { minLength: 1, maxLength: 40, size: 'max' }),
});
