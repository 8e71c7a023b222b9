/**
 * Numbers states by a 64-bit hash of their encoding: open addressing in typed arrays, 16 bytes a
 * state. Two of n states share a hash with a chance of about n² / 4·10¹⁹: 10⁻⁷ for two million.
 */
import type { Ints } from './ints.ts';

const emptySlot = 0;
const fullShare = 0.6;

export class HashSet {
  #low = new Uint32Array(1 << 16);
  #high = new Uint32Array(1 << 16);
  #index = new Int32Array(1 << 16);
  size = 0;

  /** The number of this encoding; a new one gets the next number, which then equals `size - 1`. */
  add(encoding: Ints): number {
    if (this.size > this.#low.length * fullShare) this.#grow();
    let low = 0x811c9dc5;
    let high = 0x9747b28c;
    for (let i = 0; i < encoding.length; i++) {
      const value = encoding.at(i);
      low = Math.imul(low ^ value, 0x01000193);
      low ^= low >>> 15;
      high = Math.imul(high + value + 1, 0xcc9e2d51);
      high ^= high >>> 13;
    }
    low = mixed(low ^ Math.imul(high, 0x85ebca6b));
    high = mixed(high + Math.imul(low, 0xc2b2ae35));
    // An empty slot is marked by zeros, so no hash may be all zero.
    return this.#place(low >>> 0, (high | 1) >>> 0, -1);
  }

  #place(low: number, high: number, known: number): number {
    const mask = this.#low.length - 1;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      if (this.#high[at] === emptySlot) {
        this.#low[at] = low;
        this.#high[at] = high;
        const index = known >= 0 ? known : this.size++;
        this.#index[at] = index;
        return index;
      }
      if (this.#low[at] === low && this.#high[at] === high) return this.#index[at] ?? -1;
    }
  }

  #grow(): void {
    const [low, high, index] = [this.#low, this.#high, this.#index];
    const slots = low.length * 2;
    this.#low = new Uint32Array(slots);
    this.#high = new Uint32Array(slots);
    this.#index = new Int32Array(slots);
    for (let i = 0; i < low.length; i++) {
      if (high[i] !== emptySlot) this.#place(low[i] ?? 0, high[i] ?? 0, index[i] ?? 0);
    }
  }
}

function mixed(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
