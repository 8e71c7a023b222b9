/**
 * Keys that find an order again: HMAC-SHA-256 under the id secret, so that nobody can guess an id
 * and the same idempotency key leads to the same order over HTTP and socket.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { fnv1a } from '../domain/fingerprint.ts';
import { base32, lineKeyOf } from '../domain/ids.ts';
import type { OrderId, SaleId, ShopperId } from '../domain/types.ts';
import type { HmacSha256 } from './hmac.ts';

export const idSecretOf = (hex: string): KeyObject => createSecretKey(Buffer.from(hex, 'hex'));

/** 24 characters (120 bits): the order's own part of its id. */
export function holdKey(
  mac: HmacSha256,
  shopper: ShopperId,
  sale: SaleId,
  idempotencyKey: string,
): string {
  return base32(mac.digest(`hold\0${shopper}\0${sale}\0${idempotencyKey}`), 15);
}

/** Of a line of an order that has several: 100 bits of who asked with which key, and what it is. */
export function lineKey(
  secret: KeyObject,
  shopper: ShopperId,
  sale: SaleId,
  idempotencyKey: string,
  line: number,
): string {
  const text = `line\0${shopper}\0${sale}\0${line}\0${idempotencyKey}`;
  const digest = createHmac('sha256', secret).update(text).digest();
  return lineKeyOf(base32(digest, 15), line);
}

/** Characters of a ticket's key that are of who asked with which key (lua/include/line.lua). */
export const askerPart = 20;

/** 8 characters (32 bits) of what a join asked for. */
function bodyPart(asked: string): string {
  const body = Buffer.alloc(5);
  body.writeUInt32BE(fnv1a(asked));
  return base32(body);
}

const emptyBody = bodyPart('');

/**
 * 24 characters: the ticket's own part of its id, 100 bits of who asked and with which key, and 20 of
 * `asked`, the rest of what was asked: so the lane sees that a key came with another body.
 */
export function ticketKey(
  mac: HmacSha256,
  shopper: ShopperId,
  sale: SaleId,
  idempotencyKey: string,
  asked = '',
): string {
  const own = base32(mac.digest(`ticket\0${shopper}\0${sale}\0${idempotencyKey}`), 15);
  const body = asked === '' ? emptyBody : bodyPart(asked);
  return own.slice(0, askerPart) + body.slice(0, own.length - askerPart);
}

/** 16 characters (80 bits): a leave of the shopper's line, by whichever ticket; '' = without a key. */
export function leaveKey(
  mac: HmacSha256,
  shopper: ShopperId,
  sale: SaleId,
  idempotencyKey: string,
): string {
  if (idempotencyKey === '') return '';
  return base32(mac.digest(`leave\0${shopper}\0${sale}\0${idempotencyKey}`), 10);
}

/** 16 characters (80 bits): the command that ended a hold, or a payment's attempt. */
export function endKey(
  secret: KeyObject,
  command: 'pay' | 'release',
  order: OrderId,
  idempotencyKey: string,
): string {
  const digest = createHmac('sha256', secret)
    .update(`${command}\0${order}\0${idempotencyKey}`)
    .digest();
  return base32(digest.subarray(0, 10));
}

/** Identity of what Postgres creates, from what created it: 8 bytes. */
export function derivedIdentity(secret: KeyObject, ...parts: readonly string[]): Buffer {
  return createHmac('sha256', secret).update(parts.join('\0')).digest().subarray(0, 8);
}

/**
 * Tells a body from another and says nothing of what is in it: 64 hexadecimal digits. Stored ones are
 * compared with it, so its form stays (engine/migrations/033_checkout_prints.sql).
 */
export const bodyPrint = (secret: KeyObject, body: string): string =>
  createHmac('sha256', secret).update(`body\0${body}`).digest('hex');

/** By what a vendor's command is found again, from its scope and its Idempotency-Key; null = none. */
export function requestOf(
  secret: KeyObject,
  idempotencyKey: string | undefined,
  ...scope: readonly string[]
): string | null {
  if (idempotencyKey === undefined) return null;
  const parts = [...scope, idempotencyKey].join('\0');
  return base32(createHmac('sha256', secret).update(`request\0${parts}`).digest().subarray(0, 20));
}

/** What `sale.details_requests` keeps of a change of an order's details. */
export const detailsRequest = (
  secret: KeyObject,
  shopper: ShopperId,
  { idempotencyKey, fingerprint }: { idempotencyKey: string; fingerprint: string },
): { request: string; print: string } => ({
  request: requestOf(secret, idempotencyKey, 'details', shopper) ?? '',
  print: bodyPrint(secret, fingerprint),
});
