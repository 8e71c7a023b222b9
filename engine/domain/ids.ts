/**
 * Ids that say where to read. A sale's id is its lane (2 bytes) and 8 bytes of identity, an
 * order's or a ticket's id its sale's 10 bytes and 15 bytes of HMAC; both are whole base32 characters, so one
 * is a prefix of the other. Pure.
 */
import type { TicketId } from './line/types.ts';
import type { OrderId, SaleId } from './types.ts';

/** Crockford's alphabet, lower case: no i, l, o, u. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const salePattern = /^sal_[0-9a-hjkmnp-tv-z]{16}$/;
const productPattern = /^prd_[0-9a-z]{8,60}$/;
const orderPattern = /^ord_[0-9a-hjkmnp-tv-z]{40}$/;

/** Of ten bits their two characters. */
const pairs = Array.from(
  { length: 1024 },
  (_, bits) => alphabet.charAt(bits >> 5) + alphabet.charAt(bits & 31),
);
const pair = (bits: number): string => pairs[bits & 1023] ?? '';

/** Encodes the first `length` bytes, 5 at a time, as 8 characters. It must be a multiple of 5. */
export function base32(bytes: Uint8Array, length = bytes.length): string {
  let text = '';
  for (let i = 0; i < length; i += 5) {
    const a = bytes[i] ?? 0;
    const b = bytes[i + 1] ?? 0;
    const c = bytes[i + 2] ?? 0;
    const d = bytes[i + 3] ?? 0;
    const e = bytes[i + 4] ?? 0;
    text +=
      pair((a << 2) | (b >> 6)) +
      pair((b << 4) | (c >> 4)) +
      pair((c << 6) | (d >> 2)) +
      pair((d << 8) | e);
  }
  return text;
}

/** Makes a sale's id from its lane and 8 bytes. */
export function saleIdOf(lane: number, identity: Uint8Array): SaleId {
  const bytes = new Uint8Array(10);
  bytes[0] = lane >> 8;
  bytes[1] = lane & 255;
  bytes.set(identity.subarray(0, 8), 2);
  return `sal_${base32(bytes)}`;
}

export const isSaleId = (text: string): boolean => salePattern.test(text);
export const isProductId = (text: string): boolean => productPattern.test(text);
export const isOrderId = (text: string): boolean => orderPattern.test(text);

/** By the code of a character, what it stands for. */
const digits = new Int8Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i;

/** The lane that a sale's or an order's id names. */
export function laneOfId(id: SaleId | OrderId): number {
  // 16 bits = three characters of 5 and the first bit of the fourth.
  const at = (i: number): number => digits[id.charCodeAt(4 + i)] ?? -1;
  return (at(0) << 11) | (at(1) << 6) | (at(2) << 1) | (at(3) >> 4);
}

/** The 16 characters of a sale by which its keys are named. */
export const saleTag = (id: SaleId | OrderId): string => id.slice(4, 20);
export const saleOfOrder = (id: OrderId): SaleId => `sal_${id.slice(4, 20)}`;
/** The 24 characters that find an order in its shopper's record. */
export const orderKey = (id: OrderId): string => id.slice(20);
export const orderIdOf = (sale: SaleId, key: string): OrderId => `ord_${saleTag(sale)}${key}`;
/** `tkt_` + the sale's 16 characters + the ticket's own 24: made as an order's. */
export const ticketIdOf = (sale: SaleId, key: string): TicketId => `tkt_${saleTag(sale)}${key}`;

/** How the ids of orders with several lines end, and those of their other lines. */
const severalMark = 'many';
const partMark = 'part';

/**
 * Of the 24 characters of a key the last four may say what to look up. One order in a million with
 * one line ends so too: there is nothing to be found of it then.
 */
export const mayHaveParts = (id: OrderId): boolean => id.endsWith(severalMark);
export const mayBePart = (id: OrderId): boolean => id.endsWith(partMark);

/** The key of line `line` of an order of several, from the key that an order of one would have. */
export const lineKeyOf = (key: string, line: number): string =>
  key.slice(0, -severalMark.length) + (line === 0 ? severalMark : partMark);
