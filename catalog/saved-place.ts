/** The place that a shopper saved, for routes that anybody may ask: who it is says the token. */
import { isRetryable } from '../platform/fault.ts';
import type { Query } from '../platform/postgres/pool.ts';
import { readAddress } from './addresses.ts';
import type { Identities } from './identity.ts';
import type { ReadSavedPlace } from './search/place-asked.ts';

export function savedPlaceBy({ authenticate }: Identities, q: Query): ReadSavedPlace {
  return async (authorization) => {
    if (authorization === undefined) return null;
    try {
      const who = await authenticate(authorization);
      if (!('kind' in who) || who.kind !== 'shopper') return null;
      const stored = await readAddress(q, who.shopper);
      if (stored === null) return null;
      const { country, postal_code: postalCode } = stored.address;
      return { country, postalCode: postalCode ?? null };
    } catch (error) {
      if (isRetryable(error)) return null;
      throw error;
    }
  };
}
