/** What the programs of bench/ share in reading their command lines. */

/** The exit code after a UsageError; as of the scripts in stack/. */
export const usageCode = 2;

/** A message for the caller. */
export class UsageError extends Error {}

/** What node's own parser refuses, as a UsageError. */
export function refusedAsUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A whole number from `min` to `max`; throws a UsageError that names the option. */
export function whole(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} is a whole number from ${min} to ${max}, not ${text}`);
}
