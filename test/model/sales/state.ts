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

/** A command as whoever decided it writes it: the number comes with the row. */
export type Wanted = LaneCommand extends infer C
  ? C extends LaneCommand
    ? Omit<C, 'number'>
    : never
  : never;

export interface State {
  readonly lanes: readonly Lane[];
  /** Events of each lane that have not settled. */
  readonly events: readonly (readonly (readonly [sale: string, event: LaneEvent])[])[];
  /** Rows of `lane_commands`, number 1 first. */
  readonly commands: readonly (readonly LaneCommand[])[];
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
}

const terms = (items: readonly string[], creditsWanted: number) => ({
  ...{ startsAt: 0, endsAt: 0, limit: 9, holdMs: 10 * now, verifiedOnly: false, creditsWanted },
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

/** Standing sales with their units in, and a creation just written. */
export function begun(holds: number): State {
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
    holds,
    unwritten: [],
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
