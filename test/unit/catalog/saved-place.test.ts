// Whose place it is cannot always be told: then it is not taken for none.
import { describe, expect, it } from 'vitest';
import type { Identities } from '../../../catalog/identity.ts';
import { createSavedPlaces } from '../../../catalog/saved-place.ts';
import { problem } from '../../../platform/http/problems.ts';
import type { AuthResult } from '../../../platform/http/route.ts';
import type { Query } from '../../../platform/postgres/pool.ts';

const rows = [{ email: null, address: { country: 'DE', postal_code: '10115' } }];
const q = { query: () => Promise.resolve(rows) } as unknown as Query;

const placeFor = (who: AuthResult) => {
  const identities: Identities = {
    authenticate: () => Promise.resolve(who),
    shopperOfToken: () => Promise.resolve(null),
  };
  return createSavedPlaces(identities, q).read('Bearer x');
};

describe('the saved place', () => {
  it('is the shopper’s', async () => {
    const place = await placeFor({ kind: 'shopper', shopper: 'shp_1', verified: true });
    expect(place).toEqual({ country: 'DE', postalCode: '10115' });
  });

  it('is none of who is no shopper', async () => {
    expect(await placeFor({ kind: 'operator' })).toBeNull();
    expect(await placeFor(problem('unauthenticated', 'The token is not valid.'))).toBeNull();
  });

  it('is a fault while tokens cannot be checked', async () => {
    const unchecked = placeFor(problem('unavailable', 'Tokens cannot be checked now.'));
    await expect(unchecked).rejects.toMatchObject({ code: 'catalog', retryable: true });
  });
});
