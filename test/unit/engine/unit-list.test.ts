/** A list of units that is read in pages has one signature, of all its rows, once it was read. */
import { createHash, createSecretKey, verify } from 'node:crypto';
import { expect, it } from 'vitest';
import { receiptKeys } from '../../../engine/lanes/receipt.ts';
import { SignedPages, type UnitLine } from '../../../engine/line/unit-list.ts';

const keys = receiptKeys(createSecretKey(Buffer.alloc(32, 7)));
const sale = 'sal_0000000000000000';
const rows: UnitLine[] = [
  { product: 'prd_a', unit: 1, end: 'sold', order: 'ab' },
  { product: 'prd_a', unit: 2, end: 'unsold', order: null },
  { product: 'prd_b', unit: 1, end: 'sold', order: 'cd' },
];

async function* inPages(size: number): AsyncGenerator<readonly UnitLine[]> {
  await Promise.resolve();
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

it.each([1, 2, 3])('in pages of %i', async (size) => {
  const pages = new SignedPages(keys, sale, inPages(size));
  const read: UnitLine[] = [];
  for await (const page of pages) {
    read.push(...page);
    expect(() => pages.signature()).toThrow('once all of it was read');
  }
  expect(read).toEqual(rows);
  const text = 'prd_a 1 sold ab\nprd_a 2 unsold -\nprd_b 1 sold cd\n';
  const signed = `units ${sale} ${createHash('sha256').update(text).digest('hex')}`;
  const signature = Buffer.from(pages.signature(), 'base64url');
  expect(verify(null, Buffer.from(signed), keys.publicKey, signature)).toBe(true);
});
