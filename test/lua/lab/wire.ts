/** Between the words of the pure model and the numbers of the scripts (engine/lanes/codes.ts). */
import type { LineTerms } from '../../../engine/domain/lane/state.ts';
import type {
  Figures,
  LaneCommand,
  LaneEntry,
  LineCommand,
  LineReply,
  Reply,
  ShopCommand,
} from '../../../engine/domain/lane/words.ts';
import { pack, readEntry, type Entry } from '../../../engine/lanes/codec.ts';
import {
  codeNames,
  lineModes,
  lineOp,
  op,
  orderStates,
  saleStates,
  ticketStates,
} from '../../../engine/lanes/codes.ts';

/** A shop command as lua/shop.lua reads it; its sale counts from 0 in the order of the keys. */
export function packShop(c: ShopCommand, sales: readonly string[]): unknown[] {
  const sale = sales.indexOf(c.sale);
  switch (c.kind) {
    case 'hold': {
      const verified = c.verified ? 1 : 0;
      return [op.hold, sale, c.shopper, c.key, c.fingerprint, c.quantity, c.product, verified];
    }
    case 'pay':
    case 'release':
      return [op[c.kind], sale, c.shopper, c.key, c.endKey, c.endFingerprint];
    case 'details':
      return [op.details, sale, c.shopper, c.key, c.generation];
    case 'read':
      return [op.read, sale, c.shopper, c.key];
    case 'count':
    case 'touch':
      return [op[c.kind], sale];
    case 'reap':
      return [op.reap, sale, '', '', c.most];
    case 'together':
      return [
        ...[op.together, -1, c.lines.map((line) => packShop(line, sales))],
        c.isLook === true ? 1 : 0,
      ];
  }
}

/** A command of the line as lua/line.lua reads it. */
export function packLineCommand(c: LineCommand, sale: number): unknown[] {
  switch (c.kind) {
    case 'join':
      return [lineOp.join, sale, c.shopper, c.key, c.verified ? 1 : 0];
    case 'leave':
      return [lineOp.leave, sale, c.shopper, c.key];
    case 'ticket':
      return [lineOp.ticket, sale, c.shopper, c.present ? 1 : 0];
    case 'seen':
      return [lineOp.seen, sale, c.shoppers];
    case 'admit':
    case 'lapse':
      return [lineOp[c.kind], sale, c.most];
    case 'line':
      return [lineOp.line, sale];
  }
}

export const packCommand = (c: LaneCommand): Buffer => pack([c.number, c.kind, bodyOf(c), c.sale]);

function bodyOf(c: LaneCommand): unknown[] {
  switch (c.kind) {
    case 'install':
    case 'terms': {
      const { startsAt, endsAt, limit, holdMs, verifiedOnly, creditsWanted, items } = c.terms;
      const listed = items.map(({ product, price }) => [product, price]);
      const who = verifiedOnly ? 1 : 0;
      const body = [c.sale, startsAt, endsAt, limit, holdMs, who, creditsWanted, listed];
      return c.terms.line === null ? body : [...body, packLine(c.terms.line)];
    }
    case 'credit':
    case 'debit':
      return [c.move, c.item, c.units];
    case 'pause':
    case 'resume':
    case 'close':
      return [];
    case 'numbers':
      return [
        c.from,
        c.tickets.length,
        c.tickets.map(([index]) => index),
        c.tickets.map(([, shopper]) => shopper),
      ];
  }
}

const packLine = ({ mode, turnMs, factorPercent, lineMax }: LineTerms): number[] => [
  lineModes.indexOf(mode),
  turnMs,
  factorPercent,
  lineMax,
];

const nameOf = (number: unknown): string =>
  codeNames.get(number as number) ?? `code ${String(number)}`;
const orderStateOf = (number: unknown): string => orderStates[(number as number) - 1] ?? '?';
const saleStateOf = (number: unknown): string => saleStates[number as number] ?? '?';

/** A reply of lua/shop.lua in the model's words. */
export function replyInWords(kind: ShopCommand['kind'], reply: readonly unknown[]): Reply {
  const name = nameOf(reply[0]);
  const rest = reply.slice(1);
  if (name === 'lines_refused') {
    const refused = rest[0] as [number, unknown[]][];
    return [
      name,
      refused.map(([line, one]) => [line, replyInWords('hold', one)]),
    ] as unknown as Reply;
  }
  if (kind === 'together' && (name === 'done' || name === 'replayed')) {
    return [
      name,
      (rest[0] as unknown[][]).map((one) => replyInWords('read', one)),
    ] as unknown as Reply;
  }
  if (name === 'illegal_transition') return [name, orderStateOf(rest[0])] as unknown as Reply;
  if (name !== 'done' && name !== 'replayed') return [name, ...rest] as unknown as Reply;
  if (kind === 'reap') return [name, ...rest] as unknown as Reply;
  if (kind === 'touch') return [name, saleStateOf(rest[0])] as unknown as Reply;
  if (kind !== 'count') return [name, orderStateOf(rest[0]), ...rest.slice(1)] as unknown as Reply;
  const counted = [name, saleStateOf(rest[0]), ...rest.slice(1)];
  counted[8] = (rest[7] as [number, number][]).map(([code, times]) => [nameOf(code), times]);
  return withSortedRefusals(counted as unknown as Reply);
}

const ticketReplyLength = 8;

/** A reply of lua/line.lua in the model's words. */
export function lineReplyInWords(reply: readonly unknown[]): LineReply {
  const words = [nameOf(reply[0]), ...reply.slice(1)];
  if (words.length === ticketReplyLength) words[4] = ticketStates[(reply[4] as number) - 1];
  return words as unknown as LineReply;
}

/** Figures of lua/line.lua in the model's words; null = the sale has none. */
export function figuresInWords(packed: readonly number[] | false): Figures | null {
  if (packed === false) return null;
  const [mode = 0, state, ...rest] = packed;
  return [lineModes[mode], saleStateOf(state), ...rest] as unknown as Figures;
}

const countReplyLength = 11;

/** Of a count: a hash has no order of its own. */
export function withSortedRefusals(reply: Reply): Reply {
  if (reply.length !== countReplyLength) return reply;
  const copy: unknown[] = [...reply];
  copy[8] = [...(reply[8] as [string, number][])].sort(([a], [b]) => (a < b ? -1 : 1));
  return copy as unknown as Reply;
}

/** An outbox entry in the model's words. */
export function entryInWords(bytes: Buffer): LaneEntry {
  const entry: Entry = readEntry(bytes);
  const groups = entry.groups.map(([sale, events]) => [sale, events.map(eventInWords)] as const);
  return { ...entry, groups } as unknown as LaneEntry;
}

function eventInWords(event: readonly unknown[]): readonly unknown[] {
  const isStateRefusal = event[2] === 0 && event[3] === 'state';
  return isStateRefusal ? [...event.slice(0, 4), saleStateOf(event[4])] : event;
}
