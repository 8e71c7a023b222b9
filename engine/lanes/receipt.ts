/**
 * Receipts of joins: one signature for each batch and sale, over what the batch adds to the sale's
 * hash chain. The key is made from the deployment's secret, so every process signs with the same.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  type KeyObject,
} from 'node:crypto';
import type { SaleId } from '../domain/types.ts';

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface ReceiptKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function receiptKeys(secret: KeyObject): ReceiptKeys {
  const seed = createHmac('sha256', secret).update('receipt key').digest();
  const der = Buffer.concat([pkcs8Head, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Public half as it is published: base64url of its 32 bytes. */
export const publicText = ({ publicKey }: ReceiptKeys): string =>
  publicKey.export({ format: 'jwk' }).x ?? '';

/** Hex of SHA-256 of the entrants that an entry joined to a sale, in order. */
export const digestOf = (entrants: readonly Buffer[]): string =>
  createHash('sha256').update(Buffer.concat(entrants)).digest('hex');

/** What is signed: sale, position and digest, one after the other. */
export const receiptText = (sale: SaleId, position: string, digest: string): Buffer =>
  Buffer.from(sale + position + digest);

/** base64url. */
export const signReceipt = (
  { privateKey }: ReceiptKeys,
  sale: SaleId,
  position: string,
  digest: string,
): string => sign(null, receiptText(sale, position, digest), privateKey).toString('base64url');
