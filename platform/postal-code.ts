/** Postal codes as text: leading zeros count, spaces, hyphens and case do not. Pure. */

const separators = /[\s-]+/g;

/** `sw1a 1aa` → `SW1A1AA`, `01067` stays. */
export function normalizePostalCode(code: string): string {
  return code.replace(separators, '').toUpperCase();
}

/** Whether a normalized code lies in [from, to], both included, by as many characters as they have. */
export function inRange(code: string, [from, to]: readonly [string, string]): boolean {
  const low = normalizePostalCode(from);
  const high = normalizePostalCode(to);
  if (code.length < low.length) return false;
  const head = code.slice(0, low.length);
  return head >= low && head <= high;
}
