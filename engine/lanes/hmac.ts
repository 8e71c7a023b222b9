/**
 * SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) of short texts, for the path of every hold and join.
 * A key's two blocks are compressed once; a text of 100 bytes then takes three compressions and makes
 * no object. Node's own makes a native context each time (docs/decisions/0016-own-hmac.md).
 */
import { createHash, type KeyObject } from 'node:crypto';
import { invariant } from '../../platform/fault.ts';

const blockBytes = 64;
const digestBytes = 32;
const digestWords = 8;
/** A text has at most so many characters: a shopper, a sale and a key have fewer than 500. */
const textMax = 1000;
const utf8BytesMax = 3;
/** The end mark and the length that follow the text. */
const paddingBytes = 9;

/** The first 32 bits behind the point of a root of each of the first primes. */
function rootsOfPrimes(count: number, root: (n: number) => number): Int32Array {
  const words = new Int32Array(count);
  const isPrime = (n: number): boolean => {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
    return true;
  };
  for (let n = 2, i = 0; i < count; n++) if (isPrime(n)) words[i++] = (root(n) % 1) * 2 ** 32;
  return words;
}

const initial = rootsOfPrimes(digestWords, Math.sqrt);
const constants = rootsOfPrimes(blockBytes, Math.cbrt);
const schedule = new Int32Array(blockBytes);

/** Takes the block at `at` into the state. The words of the standard have its names. */
function compress(state: Int32Array, bytes: DataView, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = bytes.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + s1 + choice + (constants[i] as number) + (w[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}

/** The state after a block of the key, each byte of it XORed with `pad`. */
function keyed(key: Buffer, pad: number): Int32Array {
  const block = Buffer.alloc(blockBytes, pad);
  for (const [i, byte] of key.entries()) block[i] = byte ^ pad;
  const state = initial.slice();
  compress(state, viewOf(block), 0);
  return state;
}

const viewOf = (bytes: Buffer): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What follows the message: the mark, zeros, and its length in bits with what came `before` it. */
function pad(block: Buffer, bytes: number, before: number): number {
  const end = Math.ceil((bytes + paddingBytes) / blockBytes) * blockBytes;
  block.fill(0, bytes, end);
  block[bytes] = 0x80;
  block.writeUInt32BE((before + bytes) * 8, end - 4);
  return end;
}

/** Writes the eight words, the first byte first. */
function spell(state: Int32Array, into: Uint8Array): void {
  for (let i = 0; i < digestWords; i++) {
    const word = state[i] as number;
    into[i * 4] = word >>> 24;
    into[i * 4 + 1] = word >>> 16;
    into[i * 4 + 2] = word >>> 8;
    into[i * 4 + 3] = word;
  }
}

const textBuffer = (): Buffer => Buffer.alloc(textMax * utf8BytesMax + 2 * blockBytes);

const plainText = textBuffer();
const plainView = viewOf(plainText);
const plainState = new Int32Array(digestWords);

/** SHA-256 of a text as UTF-8: 32 bytes of its own. */
export function sha256(text: string): Buffer {
  if (text.length > textMax) return createHash('sha256').update(text).digest();
  const end = pad(plainText, plainText.write(text), 0);
  plainState.set(initial);
  for (let at = 0; at < end; at += blockBytes) compress(plainState, plainView, at);
  const digest = Buffer.allocUnsafe(digestBytes);
  spell(plainState, digest);
  return digest;
}

export class HmacSha256 {
  readonly #inner: Int32Array;
  readonly #outer: Int32Array;
  readonly #state = new Int32Array(digestWords);
  readonly #text = textBuffer();
  readonly #textView = viewOf(this.#text);
  readonly #last = Buffer.alloc(blockBytes);
  readonly #lastView = viewOf(this.#last);
  readonly #digest = new Uint8Array(digestBytes);

  constructor(secret: KeyObject) {
    const key = secret.export();
    invariant(key.length <= blockBytes, 'a key longer than a block would have to be hashed');
    this.#inner = keyed(key, 0x36);
    this.#outer = keyed(key, 0x5c);
    pad(this.#last, digestBytes, blockBytes);
  }

  /** 32 bytes, overwritten by the next call. */
  digest(text: string): Uint8Array {
    invariant(text.length <= textMax, 'a text too long for this HMAC');
    const state = this.#state;
    const end = pad(this.#text, this.#text.write(text), blockBytes);
    state.set(this.#inner);
    for (let at = 0; at < end; at += blockBytes) compress(state, this.#textView, at);
    for (let i = 0; i < digestWords; i++) this.#lastView.setInt32(i * 4, state[i] as number);
    state.set(this.#outer);
    compress(state, this.#lastView, 0);
    spell(state, this.#digest);
    return this.#digest;
  }
}
