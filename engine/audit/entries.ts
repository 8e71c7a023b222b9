/**
 * Outbox entries = Kafka messages, read from their bytes by the audit itself. The headers of
 * lua/*.lua say their shape: { 1, epoch, seq, lane time, before, count, { { sale, events }, … },
 * outage }.
 */
import { decode } from './msgpack.ts';
import { orderOf, tagOf } from './names.ts';
import type { Position } from './positions.ts';
import { listOf, Malformed, textOf, unitsOf, wholeOf } from './shapes.ts';

export interface OrderFact extends Position {
  readonly kind: 'held' | 'paid' | 'released' | 'expired';
  readonly sale: string;
  /** Of the order, within its sale. */
  readonly key: string;
  readonly shopper: string;
  /** Counted from 0. */
  readonly item: number;
  readonly units: readonly number[];
  /** Lane time, ms. */
  readonly at: number;
  /** The lane's total, ms. */
  readonly outage: number;
  /** Of `held`. */
  readonly price: number;
  /** In the hold clock. */
  readonly deadline: number;
  readonly fingerprint: number;
  /** Of an end. */
  readonly endKey: string;
  readonly endFingerprint: number;
  readonly details: number;
}

export const orderIn = ({ sale, key }: OrderFact): string => orderOf(tagOf(sale), key);

/** An outcome of a lane command, or a latch (number 0). */
export interface SaleFact extends Position {
  readonly kind: string;
  readonly sale: string;
  readonly number: number;
  readonly ok: boolean;
  readonly reason: string;
  /** What follows number, outcome and reason. */
  readonly rest: readonly unknown[];
}

/** What happened to a ticket of a line. */
export interface TicketFact extends Position {
  readonly kind: 'joined' | 'admitted' | 'finished' | 'lapsed' | 'left';
  readonly sale: string;
  /** Of the ticket, within its sale. */
  readonly key: string;
  readonly shopper: string;
  /** Of `joined`: its place from 0, and its number; 0 = by the draw. */
  readonly index: number;
  readonly number: number;
  /** Of `admitted`: in the turn clock, ms; and the units that it may take. */
  readonly turnEnds: number;
  readonly claim: number;
  /** Of `left`: its key; '' = without one. */
  readonly leaveKey: string;
}

export interface LogEntry extends Position {
  readonly at: number;
  /** Of the first entry of an epoch: the epoch before and its end. */
  readonly before: Position | null;
  /** Decisions, as the entry says; `orders`, `sales` and `tickets` are what is there. */
  readonly count: number;
  readonly orders: readonly OrderFact[];
  readonly sales: readonly SaleFact[];
  readonly tickets: readonly TicketFact[];
}

const orderKinds: readonly unknown[] = ['held', 'paid', 'released', 'expired'];

const ticketKinds: readonly unknown[] = ['joined', 'admitted', 'finished', 'lapsed', 'left'];

type Place = Position & { readonly at: number; readonly outage: number };

/** Throws on what no lane can have written. */
export function readLogEntry(bytes: Buffer): LogEntry {
  const value = listOf(decode(bytes), 'entry', 8);
  if (value[0] !== 1) throw new Malformed('entry is of another version');
  const place = {
    epoch: wholeOf(value[1], 'epoch'),
    seq: wholeOf(value[2], 'sequence'),
    at: wholeOf(value[3], 'lane time'),
    outage: wholeOf(value[7], 'outage'),
  };
  const orders: OrderFact[] = [];
  const sales: SaleFact[] = [];
  const tickets: TicketFact[] = [];
  for (const group of listOf(value[6], 'groups')) {
    const [name, events] = listOf(group, 'group', 2);
    const sale = textOf(name, 'sale');
    for (const raw of listOf(events, 'events')) {
      const event = listOf(raw, 'event', 2);
      if (orderKinds.includes(event[0])) orders.push(orderFact(event, sale, place));
      else if (ticketKinds.includes(event[0])) tickets.push(ticketFact(event, sale, place));
      else sales.push(saleFact(event, sale, place));
    }
  }
  const before = readBefore(value[4]);
  return { ...place, before, count: wholeOf(value[5], 'count'), orders, sales, tickets };
}

function readBefore(value: unknown): Position | null {
  if (value === false || value === null) return null;
  const [epoch, seq] = listOf(value, 'epoch before', 2);
  return { epoch: wholeOf(epoch, 'epoch before'), seq: wholeOf(seq, 'end of the epoch before') };
}

/** In one literal: this runs for every order, and spreading took three times as long. */
function orderFact(event: readonly unknown[], sale: string, place: Place): OrderFact {
  const kind = event[0] as OrderFact['kind'];
  const isHold = kind === 'held';
  const expiresAt = isHold ? wholeOf(event[5], 'deadline') : 0;
  return {
    epoch: place.epoch,
    seq: place.seq,
    at: place.at,
    outage: place.outage,
    kind,
    sale,
    key: textOf(event[1], 'key'),
    shopper: textOf(event[2], 'shopper'),
    item: wholeOf(isHold ? event[3] : event[5], 'item'),
    units: unitsOf(isHold ? event[7] : event[6], 'units'),
    price: isHold ? wholeOf(event[4], 'price') : 0,
    deadline: isHold ? expiresAt - place.outage : 0,
    fingerprint: isHold ? wholeOf(event[6], 'fingerprint') : 0,
    endKey: isHold ? '' : textOf(event[3], 'end key'),
    endFingerprint: isHold ? 0 : wholeOf(event[4], 'end fingerprint'),
    details: isHold ? 0 : wholeOf(event[7], 'details'),
  };
}

function saleFact(event: readonly unknown[], sale: string, place: Place): SaleFact {
  return {
    epoch: place.epoch,
    seq: place.seq,
    kind: textOf(event[0], 'event'),
    sale,
    number: wholeOf(event[1], 'command'),
    ok: event[2] !== 0,
    reason: typeof event[3] === 'string' ? event[3] : '',
    rest: event.slice(4),
  };
}

function ticketFact(event: readonly unknown[], sale: string, place: Place): TicketFact {
  const kind = event[0] as TicketFact['kind'];
  const number = (at: number, of: TicketFact['kind'], what: string): number =>
    kind === of ? wholeOf(event[at], what) : 0;
  return {
    epoch: place.epoch,
    seq: place.seq,
    kind,
    sale,
    key: textOf(event[1], 'key'),
    shopper: textOf(event[2], 'shopper'),
    index: number(3, 'joined', 'index'),
    number: number(4, 'joined', 'number'),
    turnEnds: number(3, 'admitted', 'end of the turn'),
    claim: number(4, 'admitted', 'claim'),
    leaveKey: kind === 'left' && event.length > 3 ? textOf(event[3], 'key of the leave') : '',
  };
}
