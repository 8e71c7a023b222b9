/** Short ways to say commands, replies and events of the line. Keys begin with their shopper. */
import type { LineTerms } from '../../../engine/domain/lane/state.ts';
import type {
  AdmittedEvent,
  JoinedEvent,
  LaneCommand,
  LeftEvent,
  LineCommand,
  TicketEndEvent,
  TicketReply,
} from '../../../engine/domain/lane/words.ts';
import { flash, noon, saleOf, type SaleOptions } from './case.ts';

export const turnMs = 10_000;

const shopperOf = (key: string): string => key.split('-')[0] ?? key;

export const queue = (terms: Partial<LineTerms> = {}): LineTerms => ({
  mode: 'queue',
  turnMs,
  factorPercent: 100,
  lineMax: 1000,
  ...terms,
});

/** A sale with a line whose bell rings at noon; lane commands 1 and 2. */
export const lineSale = (
  terms: Partial<LineTerms> = {},
  options: SaleOptions = {},
): LaneCommand[] => saleOf({ startsAt: noon, limit: 1, ...options, line: queue(terms) });

export const join = (key: string, o: { sale?: string; verified?: boolean } = {}): LineCommand => ({
  kind: 'join',
  sale: o.sale ?? flash,
  shopper: shopperOf(key),
  key,
  verified: o.verified ?? true,
});

export const leave = (shopper: string, sale = flash, key = ''): LineCommand => ({
  kind: 'leave',
  sale,
  shopper,
  key,
});

/** With a key. */
export const leaveBy = (key: string): LineCommand => leave(shopperOf(key), flash, key);

export const look = (shopper: string, present = false, sale = flash): LineCommand => ({
  kind: 'ticket',
  sale,
  shopper,
  present,
});

export const seen = (...shoppers: string[]): LineCommand => ({
  kind: 'seen',
  sale: flash,
  shoppers,
});

export const admit = (most: number, sale = flash): LineCommand => ({ kind: 'admit', sale, most });
export const lapse = (most: number, sale = flash): LineCommand => ({ kind: 'lapse', sale, most });
export const figures = (sale = flash): LineCommand => ({ kind: 'line', sale });

/** Tickets, as `index shopper`, in the order of their numbers from `from` on. */
export const numbers = (
  number: number,
  tickets: readonly string[],
  from = 1,
  sale = flash,
): LaneCommand => ({
  number,
  sale,
  kind: 'numbers',
  from,
  tickets: tickets.map((ticket) => {
    const [index = '', shopper = ''] = ticket.split(' ');
    return [Number(index), shopper] as const;
  }),
});

interface TicketOptions {
  /** A new one; else it was there before. */
  readonly isNew?: boolean;
  readonly code?: 'done' | 'replayed';
  readonly number?: number;
  readonly ahead?: number;
  /** End of the turn, ms from noon. */
  readonly until?: number;
}

/** A reply about a ticket. */
export const ticket = (
  key: string,
  index: number,
  state: TicketReply[4],
  o: TicketOptions = {},
): TicketReply => [
  o.code ?? 'done',
  o.isNew === true ? 0 : 1,
  index,
  o.number ?? 0,
  state,
  o.until === undefined ? 0 : noon + o.until,
  key,
  o.ahead ?? -1,
];

/** A new ticket that waits. */
export const placed = (key: string, index: number, o: TicketOptions = {}): TicketReply =>
  ticket(key, index, 'waiting', { isNew: true, ...o });

export const joined = (key: string, index: number, number = 0): JoinedEvent => [
  'joined',
  key,
  shopperOf(key),
  index,
  number,
];

/** `until` = end of the turn in the turn clock, ms from noon. */
export const admitted = (key: string, until: number, claim = 1): AdmittedEvent => [
  'admitted',
  key,
  shopperOf(key),
  noon + until,
  claim,
];

const end =
  (type: TicketEndEvent[0]) =>
  (key: string): TicketEndEvent => [type, key, shopperOf(key)];

export const left = (key: string, by?: string): LeftEvent =>
  by === undefined ? ['left', key, shopperOf(key)] : ['left', key, shopperOf(key), by];
export const lapsed = end('lapsed');
export const finished = end('finished');
