/** JSON Schemas of what the shop window takes: the catalog validates by them, the api documents them. */
import { country, object, text } from '../http/schemas.ts';
import type { JsonSchema } from '../http/route.ts';

/** Units of one cart line. */
export const quantityMax = 100;
/** Products of one wishlist. */
export const wishesMax = 100;

const postalCode = text(20, 0);
const amount: JsonSchema = {
  type: 'integer',
  minimum: 0,
  description: 'In minor units, of the price now',
};

/** Characters of one filter, as the facets show it. */
const attributeMax = 500;
const attributesMax = 30;

export const searchQuery = object({
  q: { ...text(200, 0), description: 'Words, "phrases" and -exclusions; without it all products' },
  category: { ...text(500, 0), description: 'As `facets.category` has it' },
  brand: { ...text(500, 0), description: 'As `facets.brand` has it' },
  min_price: amount,
  max_price: amount,
  attribute: {
    type: 'array',
    items: { type: 'string', maxLength: attributeMax },
    maxItems: attributesMax,
    description:
      '`name=value`; several, with commas or repeated, have all to hold. A part without `=` ' +
      'belongs to the value before it: values may hold commas',
  },
  on_sale: { type: 'boolean', description: '`true`: only what is in a flash sale' },
  deliverable: { type: 'boolean', description: '`true`: only what is delivered to the place' },
  country,
  postal_code: postalCode,
  sort: { enum: ['relevance', 'price', '-price', 'newest', 'popularity'] },
  limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  cursor: { ...text(500, 0), description: '`next_cursor` of the page before' },
});

/** Where it would be sent, if not to the saved place: of a product page and of a cart. */
export const placeQuery = object({ country, postal_code: postalCode });

export const suggestQuery = object({ q: text(200, 0) }, ['q']);

export const deliveryQuery = object({ product_id: text(80, 0), country, postal_code: postalCode }, [
  'product_id',
]);

export const cartLineBody = object(
  { quantity: { type: 'integer', minimum: 1, maximum: quantityMax } },
  ['quantity'],
);

export const cartMergeBody = object({ guest_token: text(4096, 0) }, ['guest_token']);

export const wishlistQuery = object({
  limit: { type: 'integer', minimum: 1, maximum: wishesMax },
  cursor: text(200, 0),
});

const addressLine = { ...text(200), pattern: '\\S' };
const addressMaybe = text(200, 0);

export const addressFields = {
  name: addressLine,
  line1: addressLine,
  line2: addressMaybe,
  city: addressLine,
  region: addressMaybe,
  postal_code: postalCode,
  country,
  email: { type: 'string', format: 'email', maxLength: 254 },
};

/** A guest's chosen place has a country and perhaps a postal code; only that is required. */
export const addressBody = object(addressFields, ['country']);

/** In examples. */
export const exampleEmail = 'ann@example.com';
export const exampleAddress = {
  name: 'Ann Ash',
  line1: '1 High Street',
  city: 'Berlin',
  postal_code: '10115',
  country: 'DE',
};
