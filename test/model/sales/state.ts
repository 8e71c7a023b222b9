/**
 * Two lanes and Postgres, while a flash sale is created from two products, sold from and closed.
 * Product a stands in lane 0, product b and the flash sale in lane 1. The lanes are the real ones
 * (engine/domain/lane): their scripts in words.
 */
import { runCommand } from '../../../engine/domain/lane/command.ts';
import { newLane, type Lane } from '../../../engine/domain/lane/state.ts';
import type { LaneCommand, LaneEvent } from '../../../engine/domain/lane/words.ts';

export const now = 1_000_000;
export const flash = 'flash';
export const products = ['a', 'b'] as const;
/** A product's standing sale has its name and its lane's number. */
export const laneOf = (sale: string): number => (sale === 'a' ? 0 : 1);
export const supply: Readonly<Record<string, number>> = { a: 2, b: 1 };
const asked = 1;

export type MoveState =
  'asked' | 'debited' | 'refused' | 'crediting' | 'done' | 'undoing' | 'undone';

export interface Move {
  readonly product: string;
  readonly from: string;
  readonly to: string;
  readonly units: number;
  readonly state: MoveState;
  /** Of the creation. */
  readonly fence: boolean;
}

/** Postgres refunded an order of the flash sale and asks for its unit. */
export interface RestockCommand {
  readonly kind: 'restock';
  readonly number: number;
  readonly sale: string;
  readonly order: string;
  /** The sale is not closed, as far as Postgres knew. The script does not ask. */
  readonly asOpen: boolean;
}

export type AnyCommand = LaneCommand | RestockCommand;

export type RestockedEvent = readonly [
  type: 'restocked',
  number: number,
  ok: 0 | 1,
  reason: string,
  order: string,
  item: number,
  units: readonly number[],
  /** Units that left the sale with it: it was closed. */
  out: number,
];

export type Told = LaneEvent | RestockedEvent;

/** An order of the flash sale, as Postgres has it. */
export interface OrderRow {
  readonly item: number;
  readonly units: readonly number[];
  readonly state: 'held' | 'released' | 'paid' | 'refunded';
}

/** A command as whoever decided it writes it: the number comes with the row. */
export type Wanted = AnyCommand extends infer C
  ? C extends AnyCommand
    ? Omit<C, 'number'>
    : never
  : never;

export interface State {
  readonly lanes: readonly Lane[];
  /** Events of each lane that have not settled. */
  readonly events: readonly (readonly (readonly [sale: string, event: Told])[])[];
  /** Rows of `lane_commands`, number 1 first. */
  readonly commands: readonly (readonly AnyCommand[])[];
  readonly moves: Readonly<Record<string, Move>>;
  /** Units debited in a lane and not yet credited in another, by move. */
  readonly transit: Readonly<Record<string, number>>;
  /** As Postgres has it. */
  readonly flash: 'creating' | 'scheduled' | 'closing' | 'closed' | 'cancelled';
  readonly installed: boolean;
  readonly closes: number;
  readonly holds: number;
  /** Commands decided, not yet written: without one transaction only. */
  readonly unwritten: readonly Wanted[];
  readonly orders: Readonly<Record<string, OrderRow>>;
  /** Orders that own a unit, by item and number; who is not there is free. */
  readonly owners: Readonly<Record<string, string>>;
  /** Numbers that closes and restocks took out of the flash sale for good. */
  readonly gone: readonly string[];
  /** What may still happen, in times. */
  readonly pays: number;
  readonly refunds: number;
  readonly recoveries: number;
  /** What a settlement or a recovery found wrong, in words. */
  readonly doubled: string | null;
}

/** How much happens in an instance: holds of shoppers, payments, refunds, recoveries of lane 1. */
export interface Budget {
  readonly holds: number;
  readonly pays: number;
  readonly refunds: number;
  readonly recoveries: number;
}

const terms = (items: readonly string[], creditsWanted: number) => ({
  ...{ startsAt: 0, endsAt: 0, limit: 1, holdMs: 10 * now, verifiedOnly: false, creditsWanted },
  items: items.map((product) => ({ product, price: 1 })),
  line: null,
});

/** Writes commands: each gets the number after the last of its lane. */
export function written(s: State, wanted: readonly Wanted[]): State {
  const commands = s.commands.map((list) => [...list]);
  for (const command of wanted) {
    const list = commands[laneOf(command.sale)] ?? [];
    list.push({ ...command, number: list.length + 1 });
  }
  return { ...s, commands };
}

export const withMove = (s: State, id: string, move: Move): State => ({
  ...s,
  moves: { ...s.moves, [id]: move },
});

export const credit = (id: string, move: Move, sale: string): Wanted => {
  const item = sale === flash ? products.indexOf(move.product as 'a' | 'b') : 0;
  return { kind: 'credit', sale, move: id, item, units: move.units };
};

/** Standing sales with their units in, and a creation just written. */
export function begun(budget: Budget): State {
  const lanes = [newLane(), newLane()];
  for (const product of products) {
    const lane = lanes[laneOf(product)];
    if (lane === undefined) throw new Error('no lane');
    const units = supply[product] ?? 0;
    const move = { move: 'grant', item: 0, units };
    const number = lane.lastCommand;
    runCommand(
      lane,
      { kind: 'install', sale: product, number: number + 1, terms: terms([product], 1) },
      now,
    );
    runCommand(lane, { kind: 'credit', sale: product, number: number + 2, ...move }, now);
    lane.lastCommand = 0;
  }
  const fences = products.map((product) => {
    const fence = { product, from: product, to: flash, units: asked, fence: true };
    return [`fence-${product}`, { ...fence, state: 'asked' as const }] as const;
  });
  const s: State = {
    lanes,
    events: [[], []],
    commands: [[], []],
    moves: Object.fromEntries(fences),
    transit: {},
    flash: 'creating',
    installed: false,
    closes: 0,
    unwritten: [],
    orders: {},
    owners: {},
    gone: [],
    ...budget,
    doubled: null,
  };
  return written(s, [
    { kind: 'install', sale: flash, terms: terms(products, products.length) },
    ...products.map((product) => {
      return {
        kind: 'debit',
        sale: product,
        move: `fence-${product}`,
        item: 0,
        units: asked,
      } as const;
    }),
  ]);
}
