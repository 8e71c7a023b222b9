/**
 * Unit numbers of one item. Numbers count from 1; a returned number goes out again before a new
 * one, lowest first; a debit takes what was never issued, from the top, then the highest
 * returned. Pure.
 */
import type { Item } from './state.ts';

export const available = (it: Item): number => it.last - it.next + 1 + it.returned.length;

/** The numbers that the next hold gets; the caller has checked that they are there. */
export function nextUnits(it: Item, quantity: number): number[] {
  const units = it.returned.slice(0, quantity);
  for (let number = it.next; units.length < quantity; number++) units.push(number);
  return units;
}

/** Takes numbers out of what is free, as `nextUnits` named them. */
export function take(it: Item, units: readonly number[]): void {
  for (const number of units) {
    const at = it.returned.indexOf(number);
    if (at >= 0) it.returned.splice(at, 1);
    else it.next = number + 1;
  }
}

export function giveBack(it: Item, units: readonly number[]): void {
  it.returned.push(...units);
  it.returned.sort((a, b) => a - b);
}

/**
 * Returned numbers that one command takes away, at most: they all stand in its event. A close is
 * repeated, so it takes few; a debit is all or nothing.
 */
export const closeMax = 4096;
const debitMax = 32_768;

/** What one debit can take, at most. */
export const debitable = (it: Item): number =>
  it.last - it.next + 1 + Math.min(it.returned.length, debitMax);

/** What a debit takes: how many that were never issued, and which returned ones, highest first. */
export function debited(it: Item, units: number): { fresh: number; returned: number[] } {
  const fresh = Math.min(units, it.last - it.next + 1);
  const kept = it.returned.length - (units - fresh);
  return { fresh, returned: it.returned.slice(kept).reverse() };
}
