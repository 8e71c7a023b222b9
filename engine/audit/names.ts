/**
 * What the ids of the engine name, read by the audit itself: an order's id begins with its sale's
 * sixteen characters, a sale's with the sixteen bits of its lane.
 */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** The characters that a sale's keys and its orders' ids share. */
export const tagOf = (id: string): string => id.slice(4, 20);
export const saleOfTag = (tag: string): string => `sal_${tag}`;
export const orderOf = (tag: string, key: string): string => `ord_${tag}${key}`;
/** The part of an order's id under which its lane keeps it. */
export const keyOf = (order: string): string => order.slice(20);

/** The lane that a sale's id names; null = it is no such id. */
export function laneNamedBy(sale: string): number | null {
  if (!/^sal_[0-9a-z]{16}$/.test(sale)) return null;
  const digits = Array.from(sale.slice(4, 8), (digit) => alphabet.indexOf(digit));
  if (digits.includes(-1)) return null;
  return digits.reduce((value, digit) => value * 32 + digit, 0) >> 4;
}

/** The orders of a lane, or of one of its sales, are the ids from the first to below the second. */
export function orderRange(lane: number, only: string | null): readonly [string, string] {
  if (only !== null) return [`ord_${tagOf(only)}`, `ord_${tagOf(only)}~`];
  const first = (n: number): string => {
    const bits = n << 4;
    return `ord_${[15, 10, 5, 0].map((shift) => alphabet.charAt((bits >> shift) & 31)).join('')}`;
  };
  return [first(lane), first(lane + 1)];
}
