/**
 * A batch of commands as lua/shop.lua and lua/line.lua read it, and its replies. Holds and joins, which
 * are most of a rush, come in columns: what many have in common once, as their kind, then who asks and
 * with which keys. So a script makes no table for each, and answers most that it took with a number.
 */
import { pack, type Reply } from './codec.ts';
import { code, lineOp, op, ticketStates } from './codes.ts';

/** Of a hold: sale, fingerprint, quantity, product, verified. Of a join: sale, verified. */
type Kind = readonly unknown[];

interface InColumns {
  readonly kind: Kind;
  readonly shopper: string;
  readonly key: string;
}

/** What the holds of one kind that were taken are answered, to the details; false = none was. */
export type Plain = readonly unknown[] | false;

const holdLength = 8;
const joinLength = 5;

const isCount = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** A hold that anyone of ours can have made; one that is not is the script's to answer. */
function holdOf(command: readonly unknown[]): InColumns | null {
  if (command[0] !== op.hold || command.length !== holdLength) return null;
  const [, sale, shopper, key, fingerprint, quantity, product, verified] = command;
  if (typeof shopper !== 'string' || typeof key !== 'string' || typeof product !== 'string') {
    return null;
  }
  if (!isCount(sale, 0) || !isCount(quantity, 1)) return null;
  return { kind: [sale, fingerprint, quantity, product, verified], shopper, key };
}

/** The same of a join. */
function joinOf(command: readonly unknown[]): InColumns | null {
  if (command[0] !== lineOp.join || command.length !== joinLength) return null;
  const [, sale, shopper, key, verified] = command;
  if (typeof shopper !== 'string' || typeof key !== 'string' || !isCount(sale, 0)) return null;
  return { kind: [sale, verified], shopper, key };
}

const isSame = (a: Kind | undefined, b: Kind): boolean =>
  a?.every((value, i) => value === b[i]) ?? false;

type Commands = readonly (readonly unknown[])[];

/** The arguments of lua/shop.lua behind the header: shape and columns. */
export const packBatch = (commands: Commands): Buffer[] => inColumns(commands, holdOf);

/** The same of lua/line.lua. */
export const packLineBatch = (commands: Commands): Buffer[] => inColumns(commands, joinOf);

function inColumns(
  commands: Commands,
  columnsOf: (command: readonly unknown[]) => InColumns | null,
): Buffer[] {
  const kinds: Kind[] = [];
  const numbers = new Map<string, number>();
  let last = -1;
  const others: (readonly unknown[])[] = [];
  const slots: number[] = [];
  const shoppers: string[] = [];
  const keys: string[] = [];
  for (const command of commands) {
    const one = columnsOf(command);
    if (one === null) {
      others.push(command);
      slots.push(0);
      continue;
    }
    if (!isSame(kinds[last], one.kind)) {
      const name = one.kind.join('\0');
      last = numbers.get(name) ?? kinds.push(one.kind) - 1;
      numbers.set(name, last);
    }
    slots.push(last + 1);
    shoppers.push(one.shopper);
    keys.push(one.key);
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
