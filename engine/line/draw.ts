/**
 * The draw: from the seed, the root of the chain and a beacon to the order of the tickets. Whoever
 * has these three and the entrants comes to the same numbers; the drawer has Postgres do the same.
 */
import { createHash } from 'node:crypto';

const sha256Bytes = 32;

/** R = SHA-256(seed ‖ root ‖ beacon), raw bytes; no beacon = empty. */
export const resultOf = (seed: Uint8Array, root: Uint8Array, beacon: Uint8Array): Buffer =>
  createHash('sha256').update(seed).update(root).update(beacon).digest();

/** By what a ticket is ordered: SHA-256(R ‖ entrant). */
export const drawValueOf = (result: Uint8Array, entrant: Uint8Array): Buffer =>
  createHash('sha256').update(result).update(entrant).digest();

/**
 * Places in the order of joining, from 0, in the order of their numbers: the first has number 1.
 * `entrants` are 32 bytes each, one after the other.
 */
export function drawOrder(result: Uint8Array, entrants: Uint8Array): Uint32Array {
  const count = entrants.length / sha256Bytes;
  const values = Buffer.alloc(entrants.length);
  for (let i = 0; i < count; i++) {
    const at = i * sha256Bytes;
    drawValueOf(result, entrants.subarray(at, at + sha256Bytes)).copy(values, at);
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return order.sort((a, b) => compareAt(values, a, b));
}

/** Four bytes decide all but one comparison in four thousand million. */
function compareAt(values: Buffer, a: number, b: number): number {
  const [from, other] = [a * sha256Bytes, b * sha256Bytes];
  const first = values.readUInt32BE(from) - values.readUInt32BE(other);
  if (first !== 0) return first;
  return values.compare(values, other, other + sha256Bytes, from, from + sha256Bytes);
}
