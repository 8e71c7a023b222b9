/**
 * Tokens that were verified, until they expire. Two generations stand for an exact LRU: what is
 * used moves to the young one, and when that is full the old one is dropped. No list to maintain,
 * and never more than twice a generation. A token is looked for by how it ends, which is a signature and
 * as good as random, and then compared whole: V8 hashes every character of a key that has just come in.
 */
import type { Identity } from '../platform/http/route.ts';
import type { Millis } from '../engine/index.ts';

export const generationMax = 100_000;

export interface Remembered {
  readonly identity: Identity;
  readonly expiresAt: Millis;
}

/** Characters of a token by which it is found: 94 bits of its signature, or more. */
const endLength = 16;

interface Kept extends Remembered {
  readonly token: string;
}

export class TokenMemory {
  readonly #generationMax: number;
  #young = new Map<string, Kept>();
  #old = new Map<string, Kept>();

  constructor(max: number = generationMax) {
    this.#generationMax = max;
  }

  /** Undefined when it is not known, or no longer. */
  get(token: string, now: Millis): Remembered | undefined {
    const end = token.slice(-endLength);
    let found = this.#young.get(end);
    if (found === undefined) {
      found = this.#old.get(end);
      if (found === undefined) return undefined;
      this.#old.delete(end);
      // By its own text: a part of this header would keep all of it.
      if (found.expiresAt > now) this.#keep(found.token.slice(-endLength), found);
    }
    if (found.token !== token) return undefined;
    if (found.expiresAt > now) return found;
    this.#young.delete(end);
    return undefined;
  }

  set(token: string, { identity, expiresAt }: Remembered): void {
    this.#keep(token.slice(-endLength), { token, identity, expiresAt });
  }

  #keep(end: string, kept: Kept): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(end, kept);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
