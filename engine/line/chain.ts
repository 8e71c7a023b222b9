/**
 * The hash chain of a line: who joined, in which order, committed to entry by entry. A ticket's
 * entrant hides its id; a link is SHA-256(previous ‖ entrants of the entry), the first previous ''.
 */
import { createHash } from 'node:crypto';
import { sha256 } from '../lanes/hmac.ts';

/** SHA-256 of a ticket's id as UTF-8 text: 32 bytes. */
export const entrantOf = (ticket: string): Buffer => sha256(ticket);

/** The next link: 32 bytes. */
export function linkOf(previous: Uint8Array, entrants: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256').update(previous);
  for (const entrant of entrants) hash.update(entrant);
  return hash.digest();
}
