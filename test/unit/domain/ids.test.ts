/** Ids are written in Crockford's alphabet, five bits a character. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base32, laneOfId, saleIdOf } from '../../../engine/domain/ids.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** The same by long division, as one number. */
function slowly(bytes: Buffer): string {
  const number = BigInt(`0x${bytes.toString('hex')}`).toString(32);
  const digits = number.padStart((bytes.length * 8) / 5, '0');
  return digits.replaceAll(/./g, (digit) => alphabet.charAt(Number.parseInt(digit, 32)));
}

describe('base32', () => {
  it('writes what long division writes', () => {
    for (let i = 0; i < 200; i++) {
      const bytes = randomBytes(5 * (1 + (i % 6)));
      expect(base32(bytes)).toBe(slowly(bytes));
    }
    expect(base32(Buffer.alloc(5, 255))).toBe('z'.repeat(8));
    expect(base32(Buffer.alloc(10))).toBe('0'.repeat(16));
  });

  it('writes the first bytes of more', () => {
    const bytes = randomBytes(32);
    expect(base32(bytes, 15)).toBe(slowly(bytes.subarray(0, 15)));
  });
});

describe('laneOfId', () => {
  it('reads every lane from the id that was made of it', () => {
    for (const lane of [0, 1, 2, 255, 256, 1023, 65_535]) {
      expect(laneOfId(saleIdOf(lane, randomBytes(8)))).toBe(lane);
    }
  });
});
