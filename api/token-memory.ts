/**
 * Tokens that were verified, until they expire. Two generations stand for an exact LRU: what is
 * used moves to the young one, and when that is full the old one is dropped. No list to maintain,
 * and never more than twice a generation.
 */
import type { Identity } from '../platform/http/route.ts';
import type { Millis } from '../engine/index.ts';

export const generationMax = 100_000;

export interface Remembered {
  readonly identity: Identity;
  readonly expiresAt: Millis;
}

export class TokenMemory {
  readonly #generationMax: number;
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();

  constructor(max: number = generationMax) {
    this.#generationMax = max;
  }

  /** Undefined when it is not known, or no longer. */
  get(token: string, now: Millis): Remembered | undefined {
    let found = this.#young.get(token);
    if (found === undefined) {
      found = this.#old.get(token);
      if (found === undefined) return undefined;
      this.#old.delete(token);
      if (found.expiresAt > now) this.set(token, found);
    }
    if (found.expiresAt > now) return found;
    this.#young.delete(token);
    return undefined;
  }

  set(token: string, remembered: Remembered): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(token, remembered);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
