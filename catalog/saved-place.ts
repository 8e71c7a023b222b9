/**
 * The place that a shopper saved, for routes that anybody may ask: who it is says the token. Read
 * anew each time; while Postgres is away it is the one that this process saw last.
 */
import { Fault } from '../platform/fault.ts';
import type { Query } from '../platform/postgres/pool.ts';
import { readAddress } from './addresses.ts';
import type { Address, AddressSaved } from './addresses.ts';
import type { Identities } from './identity.ts';
import { lastSeen } from './last-seen.ts';
import { readTwice } from './read-twice.ts';
import type { ReadSavedPlace, SavedPlace } from './search/place-asked.ts';

export interface SavedPlaces {
  readonly read: ReadSavedPlace;
  /** Keeps what was saved in this process just now. */
  readonly put: AddressSaved;
}

const seenMaxBytes = 16 * 1024 * 1024;
const placeBytes = 512;
/** Above what the apis ask at a time: a place that is not read is a page without it. */
const loadsMax = 1024;

/** That there is none is remembered too. */
interface Known {
  readonly place: SavedPlace | null;
}

export function createSavedPlaces(
  { authenticate }: Identities,
  q: Query,
  now?: () => number,
): SavedPlaces {
  const seen = lastSeen<Known>({
    maxSize: seenMaxBytes,
    maxLoads: loadsMax,
    sizeOf: () => placeBytes,
    load: async (shopper) => {
      const stored = await readTwice(() => readAddress(q, shopper));
      return { place: stored === null ? null : placeIn(stored.address) };
    },
    now,
  });
  return {
    async read(authorization) {
      if (authorization === undefined) return null;
      const who = await authenticate(authorization);
      if (!('kind' in who)) {
        if (who.code !== 'unavailable') return null;
        throw new Fault('catalog', 'tokens cannot be checked', { retryable: true });
      }
      if (who.kind !== 'shopper') return null;
      const found = await seen.get(who.shopper);
      return found?.value.place ?? null;
    },
    put: (shopper, address) => seen.put(shopper, { place: placeIn(address) }),
  };
}

function placeIn(address: Address): SavedPlace {
  const { country, postal_code: postalCode } = address;
  return { country, postalCode: postalCode ?? null };
}
