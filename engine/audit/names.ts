/**
 * What the ids of the engine name, read by the audit itself: an order's id begins with its sale's
 * sixteen characters, a sale's with its lane.
 */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const laneBits = 16;

/** The characters that a sale's keys and its orders' ids share. */
export const tagOf = (id: string): string => id.slice(4, 20);
export const saleOfTag = (tag: string): string => `sal_${tag}`;
export const orderOf = (tag: string, key: string): string => `ord_${tag}${key}`;
/** The part of an order's id under which its lane keeps it. */
export const keyOf = (order: string): string => order.slice(20);

/** The lane that a sale's id names; null = it is no such id. */
export function laneNamedBy(sale: string): number | null {
  if (!/^sal_[0-9a-z]{16}$/.test(sale)) return null;
  let lane = 0;
  for (let bit = 0; bit < laneBits; bit++) {
    const digit = alphabet.indexOf(sale.charAt(4 + Math.floor(bit / 5)));
    if (digit < 0) return null;
    lane = lane * 2 + ((digit >> (4 - (bit % 5))) & 1);
  }
  return lane;
}
