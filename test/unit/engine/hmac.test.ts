/** The hashes of the hot path say what Node's own say, whatever the lengths. */
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HmacSha256, sha256 } from '../../../engine/lanes/hmac.ts';

function both(key: Buffer, text: string): [ours: string, theirs: string] {
  const secret = createSecretKey(key);
  const ours = Buffer.from(new HmacSha256(secret).digest(text)).toString('hex');
  return [ours, createHmac('sha256', secret).update(text).digest('hex')];
}

describe('HmacSha256', () => {
  it('agrees with the test case 2 of RFC 4231', () => {
    const [ours] = both(Buffer.from('Jefe'), 'what do ya want for nothing?');
    expect(ours).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  it('agrees with Node for every length around two blocks and for every length of key', () => {
    for (let length = 0; length <= 200; length++) {
      const [ours, theirs] = both(randomBytes(32), 'x'.repeat(length));
      expect(ours, `a text of ${length}`).toBe(theirs);
    }
    for (let length = 1; length <= 64; length++) {
      const [ours, theirs] = both(randomBytes(length), `a key of ${length}`);
      expect(ours).toBe(theirs);
    }
  });

  it('agrees for text that is not ASCII, and for the longest', () => {
    for (const text of ['é\0ü', '☀️ high noon 正午', '€'.repeat(1000), '\0']) {
      const [ours, theirs] = both(randomBytes(32), text);
      expect(ours).toBe(theirs);
    }
  });

  it('keeps nothing of the text before', () => {
    const secret = createSecretKey(randomBytes(32));
    const mac = new HmacSha256(secret);
    mac.digest('z'.repeat(900));
    const ours = Buffer.from(mac.digest('short')).toString('hex');
    expect(ours).toBe(createHmac('sha256', secret).update('short').digest('hex'));
  });

  it('refuses what it was not made for', () => {
    expect(() => new HmacSha256(createSecretKey(randomBytes(65)))).toThrow('block');
    const mac = new HmacSha256(createSecretKey(randomBytes(32)));
    expect(() => mac.digest('x'.repeat(1001))).toThrow('too long');
  });
});

describe('sha256', () => {
  const theirs = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('agrees with Node for every length around three blocks, and beyond the longest', () => {
    for (const length of [...Array(201).keys(), 999, 1000, 1001, 5000]) {
      const text = randomBytes(length).toString('latin1').slice(0, length);
      expect(sha256(text).toString('hex'), `a text of ${length}`).toBe(theirs(text));
    }
  });

  it('agrees for text that is not ASCII or not whole', () => {
    for (const text of ['é\0ü', '☀️ high noon 正午', '€'.repeat(1000), '\0', '\ud83d']) {
      expect(sha256(text).toString('hex')).toBe(theirs(text));
    }
  });

  it('gives bytes that the next call leaves alone', () => {
    const first = sha256('first');
    sha256('second');
    expect(first.toString('hex')).toBe(theirs('first'));
  });
});
