/**
 * The public list of a sale's units as one text that is signed, so that a row which was dropped or
 * changed is found out. It is hashed row by row while it is read: it may have a million.
 */
import { createHash, sign } from 'node:crypto';
import type { SaleId } from '../domain/types.ts';
import type { ReceiptKeys } from '../lanes/receipt.ts';

export interface UnitLine {
  readonly product: string;
  readonly unit: number;
  readonly end: string;
  /** Hex of SHA-256 of the order's id as text; null = unsold. */
  readonly order: string | null;
}

export class UnitListHash {
  readonly #hash = createHash('sha256');

  /** The next rows, in the order in which they are published. */
  add(rows: readonly UnitLine[]): void {
    for (const { product, unit, end, order } of rows) {
      this.#hash.update(`${product} ${unit} ${end} ${order ?? '-'}\n`);
    }
  }

  /** Hex; the last thing that is asked of it. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** What is signed. No text of a receipt begins like it: those begin with the sale's id. */
export const unitListText = (sale: SaleId, digest: string): Buffer =>
  Buffer.from(`units ${sale} ${digest}`);

/** Pages of a list as they come, and the signature of all of it once they were read. */
export class SignedPages<T extends UnitLine> implements AsyncIterable<readonly T[]> {
  readonly #keys: ReceiptKeys;
  readonly #sale: SaleId;
  readonly #pages: AsyncIterable<readonly T[]>;
  #signature: string | null = null;

  constructor(keys: ReceiptKeys, sale: SaleId, pages: AsyncIterable<readonly T[]>) {
    this.#keys = keys;
    this.#sale = sale;
    this.#pages = pages;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    const hash = new UnitListHash();
    for await (const page of this.#pages) {
      hash.add(page);
      yield page;
    }
    const text = unitListText(this.#sale, hash.digest());
    this.#signature = sign(null, text, this.#keys.privateKey).toString('base64url');
  }

  /** base64url. */
  signature(): string {
    if (this.#signature === null) throw new Error('a list is signed once all of it was read');
    return this.#signature;
  }
}
