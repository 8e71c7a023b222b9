// Remembered tokens: bounded, the used ones last longest, none beyond its expiry.
import { describe, expect, it } from 'vitest';
import { TokenMemory } from '../../../api/token-memory.ts';

const token = (name: string, expiresAt = 1000) =>
  ({ identity: { kind: 'shopper', shopper: name, verified: true }, expiresAt }) as const;

describe('TokenMemory', () => {
  it('never holds more than two generations', () => {
    const memory = new TokenMemory(10);
    for (let i = 0; i < 1000; i += 1) {
      memory.set(`t${i}`, token(`t${i}`));
      expect(memory.size).toBeLessThanOrEqual(20);
    }
  });

  it('keeps what is used and forgets what is not', () => {
    const memory = new TokenMemory(10);
    memory.set('used', token('used'));
    memory.set('unused', token('unused'));
    for (let i = 0; i < 100; i += 1) {
      memory.set(`t${i}`, token(`t${i}`));
      expect(memory.get('used', 0)?.identity).toHaveProperty('shopper', 'used');
    }
    expect(memory.get('unused', 0)).toBeUndefined();
  });

  it('forgets at the expiry, in either generation', () => {
    const memory = new TokenMemory(2);
    memory.set('young', token('young', 1000));
    expect(memory.get('young', 999)).toBeDefined();
    expect(memory.get('young', 1000)).toBeUndefined();
    expect(memory.size).toBe(0);
    memory.set('old', token('old', 1000));
    memory.set('a', token('a'));
    memory.set('b', token('b'));
    expect(memory.get('old', 1000)).toBeUndefined();
    expect(memory.get('old', 0)).toBeUndefined();
  });

  it('takes no token for another that ends as it does', () => {
    const memory = new TokenMemory(2);
    const end = 'e'.repeat(40);
    memory.set(`a${end}`, token('a'));
    expect(memory.get(`b${end}`, 0)).toBeUndefined();
    expect(memory.get(end, 0)).toBeUndefined();
    expect(memory.get(`a${end}`, 0)?.identity).toHaveProperty('shopper', 'a');
    memory.set(`b${end}`, token('b', 5));
    expect(memory.get(`a${end}`, 0)).toBeUndefined();
    expect(memory.get(`b${end}`, 0)?.identity).toHaveProperty('shopper', 'b');
    expect(memory.get(`b${end}`, 5)).toBeUndefined();
  });

  it('moves to the young generation without being there twice', () => {
    const memory = new TokenMemory(2);
    memory.set('a', token('a'));
    memory.set('b', token('b'));
    memory.set('c', token('c'));
    expect(memory.get('a', 0)).toBeDefined();
    expect(memory.size).toBe(3);
  });
});
