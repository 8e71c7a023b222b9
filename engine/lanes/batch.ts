/**
 * A batch of shoppers' commands as lua/shop.lua reads it, and its replies. Holds, which are most of a
 * rush, come in columns: what many have in common once, as their kind, then who asks and with which
 * keys. So the script makes no table for each, and answers those it took with a number.
 */
import { pack, type Reply } from './codec.ts';
import { op } from './codes.ts';

type Kind = readonly [
  sale: number,
  fingerprint: unknown,
  quantity: number,
  product: string,
  verified: unknown,
];

/** What the holds of one kind that were taken are answered, to the details; false = none was. */
export type Plain = readonly unknown[] | false;

const holdLength = 8;

const isCount = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** A hold that anyone of ours can have made; one that is not is the script's to answer. */
function holdOf(command: readonly unknown[]): { kind: Kind; shopper: string; key: string } | null {
  if (command[0] !== op.hold || command.length !== holdLength) return null;
  const [, sale, shopper, key, fingerprint, quantity, product, verified] = command;
  if (typeof shopper !== 'string' || typeof key !== 'string' || typeof product !== 'string') {
    return null;
  }
  if (!isCount(sale, 0) || !isCount(quantity, 1)) return null;
  return { kind: [sale, fingerprint, quantity, product, verified], shopper, key };
}

const isSame = (a: Kind | undefined, b: Kind): boolean =>
  a?.every((value, i) => value === b[i]) ?? false;

/** The arguments behind the header: shape and columns. */
export function packBatch(commands: readonly (readonly unknown[])[]): Buffer[] {
  const kinds: Kind[] = [];
  const numbers = new Map<string, number>();
  let last = -1;
  const others: (readonly unknown[])[] = [];
  const slots: number[] = [];
  const shoppers: string[] = [];
  const keys: string[] = [];
  for (const command of commands) {
    const hold = holdOf(command);
    if (hold === null) {
      others.push(command);
      slots.push(0);
      continue;
    }
    if (!isSame(kinds[last], hold.kind)) {
      const name = hold.kind.join('\0');
      last = numbers.get(name) ?? kinds.push(hold.kind) - 1;
      numbers.set(name, last);
    }
    slots.push(last + 1);
    shoppers.push(hold.shopper);
    keys.push(hold.key);
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
