/** The draw itself: a permutation that R decides, fair to whoever joins early or late. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { entrantOf, linkOf } from '../../../engine/line/chain.ts';
import { drawOrder, drawValueOf, resultOf } from '../../../engine/line/draw.ts';

const none = new Uint8Array(0);
const seedOf = (n: number): Buffer => createHash('sha256').update(`seed ${n}`).digest();

function entrantsOf(count: number, name = 'tkt'): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => entrantOf(`${name}_${i}`)));
}

describe('drawOrder', () => {
  it('orders by the draw value, as protocol §9 says', () => {
    const entrants = entrantsOf(200);
    const result = resultOf(seedOf(1), seedOf(2), none);
    const values = Array.from(drawOrder(result, entrants), (i) =>
      drawValueOf(result, entrants.subarray(32 * i, 32 * i + 32)).toString('hex'),
    );
    expect(values).toEqual([...values].sort());
    const all = createHash('sha256').update(seedOf(1)).update(seedOf(2)).update('beacon').digest();
    expect(resultOf(seedOf(1), seedOf(2), Buffer.from('beacon'))).toEqual(all);
  });

  it('leaves nobody out and takes nobody twice', () => {
    const order = drawOrder(seedOf(3), entrantsOf(1000));
    expect(new Set(order).size).toBe(1000);
    expect(Math.max(...order)).toBe(999);
    expect(drawOrder(seedOf(3), none)).toHaveLength(0);
  });

  it('depends on every byte of R and of the list', () => {
    const entrants = entrantsOf(50);
    const order = [...drawOrder(seedOf(4), entrants)];
    expect([...drawOrder(seedOf(4), entrants)]).toEqual(order);
    const other = Buffer.from(seedOf(4));
    other[31] = (other[31] ?? 0) ^ 1;
    expect([...drawOrder(other, entrants)]).not.toEqual(order);
    expect([...drawOrder(seedOf(4), entrantsOf(50, 'tkx'))]).not.toEqual(order);
  });
});

describe('the chain', () => {
  it('hashes the previous link and then the entrants, in order', () => {
    const [a, b] = [entrantOf('tkt_a'), entrantOf('tkt_b')];
    expect(entrantOf('tkt_a').toString('hex')).toBe(
      createHash('sha256').update('tkt_a').digest('hex'),
    );
    const first = createHash('sha256')
      .update(Buffer.concat([a, b]))
      .digest();
    expect(linkOf(none, [a, b])).toEqual(first);
    expect(linkOf(first, [b])).toEqual(
      createHash('sha256')
        .update(Buffer.concat([first, b]))
        .digest(),
    );
    expect(linkOf(none, [b, a])).not.toEqual(first);
  });
});

/**
 * 20,000 tickets, 1,000 of which win. Under a fair draw the winners of a tenth of the line are
 * hypergeometric: mean 100, and χ² over the tenths has nine degrees of freedom. The seeds are fixed,
 * so that this fails for a change of the draw and never by chance.
 */
describe('early and late joiners', () => {
  const count = 20_000;
  const winners = 1000;
  const tenths = 10;

  function winsByTenth(seed: number): number[] {
    const result = resultOf(seedOf(seed), seedOf(seed + 1000), none);
    const wins = new Array<number>(tenths).fill(0);
    for (const index of drawOrder(result, entrantsOf(count)).subarray(0, winners)) {
      const tenth = Math.floor((index * tenths) / count);
      wins[tenth] = (wins[tenth] ?? 0) + 1;
    }
    return wins;
  }

  it('have the same chance', () => {
    const mean = winners / tenths;
    // Without replacement the spread is smaller by the share that does not win.
    const spread = mean * (1 - winners / count);
    const draws = 8;
    let total = 0;
    for (let seed = 0; seed < draws; seed++) {
      const chi = winsByTenth(seed).reduce((sum, n) => sum + (n - mean) ** 2 / spread, 0);
      // One in a thousand fair draws is above 27.9.
      expect(chi).toBeLessThan(27.9);
      total += chi;
    }
    // 72 degrees of freedom in all: fair draws are between 39 and 116 in all but one of 500 runs.
    expect(total).toBeGreaterThan(39);
    expect(total).toBeLessThan(116);
  });

  it('would be told apart if the draw favoured the early ones by a twentieth', () => {
    const mean = winners / tenths;
    const biased = [120, 115, 110, 105, 100, 100, 95, 90, 85, 80];
    const chi = biased.reduce((sum, n) => sum + (n - mean) ** 2 / (mean * 0.95), 0);
    expect(chi).toBeGreaterThan(14);
  });

  it('get numbers that do not follow their places', () => {
    const order = drawOrder(resultOf(seedOf(9), seedOf(10), none), entrantsOf(count));
    const middle = (count - 1) / 2;
    let [together, alone] = [0, 0];
    for (const [number, index] of order.entries()) {
      together += (number - middle) * (index - middle);
      alone += (number - middle) ** 2;
    }
    // Of fair draws the correlation has a standard deviation of 1/√20,000 = 0.007.
    expect(Math.abs(together / alone)).toBeLessThan(0.025);
  });
});
