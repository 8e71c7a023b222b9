/** The place of a request: as asked for, else the shopper's saved one, else none. */
import { isRetryable } from '../../platform/fault.ts';
import { refuse } from '../../platform/http/problems.ts';
import type { Ctx } from '../../platform/http/route.ts';
import type { Places } from '../delivery/places.ts';
import type { Place } from '../delivery/rules.ts';

export interface SavedPlace {
  readonly country: string;
  readonly postalCode: string | null;
}

/**
 * By the `Authorization` header: what that shopper saved. Null where there is no valid token or no
 * saved place; throws a retryable Fault where it cannot be told now.
 */
export type ReadSavedPlace = (authorization: string | undefined) => Promise<SavedPlace | null>;

/** The place that the query names; null = none. Refuses a postal code without its country. */
export function placeAsked(ctx: Ctx, places: Places): Place | null {
  const country = ctx.query['country'] as string | undefined;
  const postalCode = ctx.query['postal_code'] as string | undefined;
  if (country !== undefined) return places.locate(country, postalCode ?? null);
  if (postalCode !== undefined) {
    refuse('invalid_request', '`postal_code` needs `country`', { param: 'country' });
  }
  return null;
}

/**
 * Refuses a postal code without its country. A saved place that cannot be told now is none, because
 * the window shows what it can; where one is `needed` it throws instead.
 */
export async function placeOf(
  ctx: Ctx,
  places: Places,
  saved: ReadSavedPlace,
  needed = false,
): Promise<Place | null> {
  const asked = placeAsked(ctx, places);
  if (asked !== null) return asked;
  const place = await saved(ctx.header('authorization')).catch((error: unknown) => {
    if (needed || !isRetryable(error)) throw error;
    return null;
  });
  return place === null ? null : places.locate(place.country, place.postalCode);
}
