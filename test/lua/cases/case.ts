/**
 * The one case table's form: a sale as installed, then batches and lane commands, each at a lane
 * time, with every reply and every event that must come of it. Runs against the pure model
 * (test/unit/domain/cases.test.ts) and against the scripts (test/lua/cases.test.ts).
 */
import type { Bounds } from '../../../engine/domain/lane/batch.ts';
import type { LineTerms } from '../../../engine/domain/lane/state.ts';
import type {
  Figures,
  LaneCommand,
  LaneEvent,
  LineCommand,
  LineReply,
  OrderReply,
  Reply,
  ShopCommand,
} from '../../../engine/domain/lane/words.ts';

/** Times of a case count from here, ms. It lies in the future: see lab/lua-lane.ts. */
export const noon = Date.UTC(2100, 0, 1, 12);

export const flash = 'sal_0000000000000aaa';
export const other = 'sal_0000000000000bbb';
export const price = 19_900;
export const holdMs = 60_000;
export const fingerprint = 11;

export const noBounds: Bounds = {
  memoryFull: false,
  inDoubtMax: Number.MAX_SAFE_INTEGER,
  inDoubtMaxAgeMs: Number.MAX_SAFE_INTEGER,
};

export type Events = readonly LaneEvent[];

export type Step =
  | {
      readonly kind: 'batch';
      readonly at: number;
      readonly commands: readonly ShopCommand[];
      readonly replies: readonly Reply[];
      readonly groups: readonly (readonly [sale: string, events: Events])[];
      readonly bounds: Partial<Bounds>;
    }
  | {
      readonly kind: 'line';
      readonly at: number;
      readonly commands: readonly LineCommand[];
      readonly replies: readonly LineReply[];
      readonly groups: readonly (readonly [sale: string, events: Events])[];
      readonly bounds: Partial<Bounds>;
      /** Of the first sale; undefined = not looked at. */
      readonly figures: Figures | undefined;
    }
  | {
      readonly kind: 'command';
      readonly at: number;
      readonly command: LaneCommand;
      readonly applied: 1 | 0 | -1;
      readonly groups: readonly (readonly [sale: string, events: Events])[];
    }
  /** The server started anew after so long: a verifier has begun the next epoch. */
  | { readonly kind: 'restart'; readonly outageMs: number }
  | { readonly kind: 'freeze'; readonly sale: string }
  /** Postgres has everything up to here. */
  | { readonly kind: 'settled' };

export interface Case {
  readonly name: string;
  /** Lane commands before the case begins; what they answer is not looked at. */
  readonly given: readonly LaneCommand[];
  readonly steps: readonly Step[];
}

export interface SaleOptions {
  readonly sale?: string;
  /** Units of each item: product `p0`, `p1`, … */
  readonly units?: readonly number[];
  readonly limit?: number;
  readonly startsAt?: number;
  /** 0 = no end. */
  readonly endsAt?: number;
  readonly holdMs?: number;
  readonly verifiedOnly?: boolean;
  readonly creditsWanted?: number;
  readonly line?: LineTerms;
}

/** Numbered from `first`: an install and one credit for each item. */
export function saleOf(options: SaleOptions = {}, first = 1): LaneCommand[] {
  const sale = options.sale ?? flash;
  const units = options.units ?? [10];
  return [
    install(first, options),
    ...units.flatMap((n, item): LaneCommand[] => {
      const move = `mov_${item}`;
      return [{ number: first + 1 + item, sale, kind: 'credit', move, item, units: n }];
    }),
  ];
}

export function install(number: number, options: SaleOptions = {}): LaneCommand {
  const units = options.units ?? [10];
  return {
    number,
    sale: options.sale ?? flash,
    kind: 'install',
    terms: {
      startsAt: options.startsAt ?? noon - 1000,
      endsAt: options.endsAt ?? noon + 1_000_000_000,
      limit: options.limit ?? 4,
      holdMs: options.holdMs ?? holdMs,
      verifiedOnly: options.verifiedOnly ?? false,
      creditsWanted: options.creditsWanted ?? units.length,
      items: units.map((_, item) => ({ product: `p${item}`, price: price + item })),
      line: options.line ?? null,
    },
  };
}

/** New terms for a sale: all of them, as an install has them. */
export const change = (number: number, options: SaleOptions = {}): LaneCommand => {
  const { terms } = install(number, options) as Extract<LaneCommand, { kind: 'install' | 'terms' }>;
  return { number, sale: options.sale ?? flash, kind: 'terms', terms };
};

/** A batch: commands beside their replies, then what happened in the sale. */
export const batch = (
  at: number,
  pairs: readonly (readonly [ShopCommand, Reply])[],
  events: Events = [],
  bounds: Partial<Bounds> = {},
): Step => batchOf(at, pairs, events.length > 0 ? [[flash, events]] : [], bounds);

/** In an order's reply: it ended in the batch that says so. */
export const endedNow = -1;

function toldAt(at: number, reply: Reply): Reply {
  if ((reply[0] === 'done' || reply[0] === 'replayed') && Array.isArray(reply[1])) {
    return [reply[0], (reply[1] as OrderReply[]).map((one) => toldAt(at, one) as OrderReply)];
  }
  if (reply.length !== 10 || reply[9] !== endedNow) return reply;
  const [code, state, item, product, each, heldAt, deadline, stored, units] = reply;
  return [code, state, item, product, each, heldAt, deadline, stored, units, noon + at];
}

/** A batch of several sales. */
export const batchOf = (
  at: number,
  pairs: readonly (readonly [ShopCommand, Reply])[],
  groups: readonly (readonly [string, Events])[],
  bounds: Partial<Bounds> = {},
): Step => ({
  kind: 'batch',
  at,
  commands: pairs.map(([command]) => command),
  replies: pairs.map(([, reply]) => toldAt(at, reply)),
  groups,
  bounds,
});

/** A batch of the line. */
export const lineBatch = (
  at: number,
  pairs: readonly (readonly [LineCommand, LineReply])[],
  events: Events = [],
  options: { readonly bounds?: Partial<Bounds>; readonly figures?: Figures } = {},
): Step => ({
  kind: 'line',
  at,
  commands: pairs.map(([c]) => c),
  replies: pairs.map(([, reply]) => reply),
  groups: events.length > 0 ? [[flash, events]] : [],
  bounds: options.bounds ?? {},
  figures: options.figures,
});

export const command = (
  at: number,
  c: LaneCommand,
  events: Events = [],
  applied: 1 | 0 | -1 = 1,
): Step => ({
  kind: 'command',
  at,
  command: c,
  applied,
  groups: events.length > 0 ? [[c.sale, events]] : [],
});

/** A fault froze the sale: until a person unfreezes it, it answers nothing. */
export const freeze = (sale = flash): Step => ({ kind: 'freeze', sale });
export const restart = (outageMs: number): Step => ({ kind: 'restart', outageMs });
export const settled: Step = { kind: 'settled' };
