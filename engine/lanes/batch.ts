/**
 * A batch of commands as lua/shop.lua and lua/line.lua read it, and its replies. Holds and joins, which
 * are most of a rush, come in columns: what many have in common once, as their kind, then who asks and
 * with which keys. So a script makes no table for each, and answers most that it took with a number.
 */
import { pack, type Reply } from './codec.ts';
import { code, lineOp, op, ticketStates } from './codes.ts';

/** What the holds, or the joins, of a kind have in common: what stands at the places of their form. */
type Kind = readonly unknown[];

/** What the holds of one kind that were taken are answered, to the details; false = none was. */
export type Plain = readonly unknown[] | false;

type Command = readonly unknown[];
type Commands = readonly Command[];

/** Commands that come in columns: who asks stands at 2, the key at 3. */
interface Form {
  /** Where a command says of what kind it is. */
  readonly kind: readonly number[];
  /** Whether anyone of ours can have made it; one that is not is the script's to answer. */
  fits(command: Command): boolean;
}

const holdLength = 8;
const joinLength = 5;

const isCount = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** `[op, sale, shopper, key, fingerprint, quantity, product, verified]` */
const holds: Form = {
  kind: [1, 4, 5, 6, 7],
  fits: (c) =>
    c[0] === op.hold &&
    c.length === holdLength &&
    typeof c[2] === 'string' &&
    typeof c[3] === 'string' &&
    typeof c[6] === 'string' &&
    isCount(c[1], 0) &&
    isCount(c[5], 1),
};

/** `[op, sale, shopper, key, verified]` */
const joins: Form = {
  kind: [1, 4],
  fits: (c) =>
    c[0] === lineOp.join &&
    c.length === joinLength &&
    typeof c[2] === 'string' &&
    typeof c[3] === 'string' &&
    isCount(c[1], 0),
};

function isOf(kind: Kind | undefined, places: readonly number[], command: Command): boolean {
  if (kind === undefined) return false;
  for (let i = 0; i < places.length; i++) {
    if (kind[i] !== command[places[i] as number]) return false;
  }
  return true;
}

/** The arguments of lua/shop.lua behind the header: shape and columns. */
export const packBatch = (commands: Commands): Buffer[] => inColumns(commands, holds);

/** The same of lua/line.lua. */
export const packLineBatch = (commands: Commands): Buffer[] => inColumns(commands, joins);

function inColumns(commands: Commands, form: Form): Buffer[] {
  const kinds: Kind[] = [];
  const numbers = new Map<string, number>();
  let last = -1;
  const others: Command[] = [];
  const slots: number[] = [];
  const shoppers: string[] = [];
  const keys: string[] = [];
  for (const command of commands) {
    if (!form.fits(command)) {
      others.push(command);
      slots.push(0);
      continue;
    }
    if (!isOf(kinds[last], form.kind, command)) {
      const kind = form.kind.map((place) => command[place]);
      const name = kind.join('\0');
      last = numbers.get(name) ?? kinds.push(kind) - 1;
      numbers.set(name, last);
    }
    slots.push(last + 1);
    shoppers.push(command[2] as string);
    keys.push(command[3] as string);
  }
  const columns = [...slots, ...shoppers, ...keys];
  const shape = Buffer.from(pack([commands.length, shoppers.length, kinds, others]));
  return [shape, pack(columns).subarray(headLength(columns.length))];
}

/** Bytes of what msgpack begins an array with. */
function headLength(elements: number): number {
  if (elements < 16) return 1;
  return elements < 65_536 ? 3 : 5;
}

/** Replies as lua/shop.lua tells them, those of plain holds put together. */
export function readReplies(
  replies: readonly (Reply | number)[],
  plain: readonly Plain[],
): readonly Reply[] {
  return replies.map((reply) => {
    if (typeof reply !== 'number') return reply;
    const common = plain[reply % plain.length];
    if (common === undefined || common === false) throw new Error('a plain hold of no kind');
    return [...common, [Math.floor(reply / plain.length)], 0] as unknown as Reply;
  });
}

const waiting = ticketStates.indexOf('waiting') + 1;

/** Replies as lua/line.lua tells them. A join before the bell by who had no record is its index. */
export function readLineReplies(
  replies: readonly (Reply | number)[],
  commands: Commands,
): readonly Reply[] {
  return replies.map((reply, i) =>
    typeof reply === 'number' ? [code.done, 0, reply, 0, waiting, 0, commands[i]?.[3], -1] : reply,
  );
}
