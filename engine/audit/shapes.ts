/**
 * Reads untyped values of the stores as what they should be, or throws with what was expected: an
 * audit must not take a malformed record for an empty one.
 */

export class Malformed extends Error {}

export function listOf(value: unknown, what: string, least = 0): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least) throw new Malformed(`${what} is no list`);
  return value;
}

export function wholeOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new Malformed(`${what} is no whole number`);
  }
  return value;
}

/** A whole number that a script wrote as text. */
export function wholeOfText(value: string | Buffer | null | undefined, what: string): number {
  const text = value?.toString() ?? '';
  if (!/^-?\d{1,16}(\.0+)?$/.test(text)) throw new Malformed(`${what} is no whole number`);
  return wholeOf(Number(text), what);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Malformed(`${what} is no text`);
  return value;
}

export function unitsOf(value: unknown, what: string): number[] {
  return listOf(value, what).map((unit) => wholeOf(unit, what));
}
