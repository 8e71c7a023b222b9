/** JSON Schemas of what the window takes and gives: validation and the docs come from them. */
import type { JsonSchema } from '../platform/http/route.ts';
import { quantityMax } from './cart-rows.ts';
import { wishesMax } from './wishlist-rows.ts';

export const text = (maxLength: number): JsonSchema => ({ type: 'string', maxLength });

const maybe = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

/** Only what is named, of which `required` must be there. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: 'object', properties, required, additionalProperties: false };
}

export const money = object(
  { amount: { type: 'integer', minimum: 0 }, currency: { type: 'string', pattern: '^[A-Z]{3}$' } },
  ['amount', 'currency'],
);

const time: JsonSchema = { type: 'string', format: 'date-time' };
const free: JsonSchema = { type: 'object', additionalProperties: true };
const availability: JsonSchema = { enum: ['in_stock', 'low', 'sold_out', 'coming'] };

const variant = object(
  { id: text(80), name: text(65_536), options: free, price: money, availability },
  ['id', 'name', 'options', 'price', 'availability'],
);

const sale = object(
  {
    id: text(80),
    kind: { enum: ['standing', 'flash'] },
    state: { enum: ['scheduled', 'live', 'paused', 'closing'] },
    availability,
    price: money,
    list_price: money,
    discount_percent: { type: 'integer', minimum: 0, maximum: 100 },
    starts_at: time,
    ends_at: maybe(time),
    who: { enum: ['anyone', 'verified'] },
    limit_per_shopper: { type: 'integer', minimum: 1 },
    admission: {
      enum: ['open', 'queue', 'draw'],
      description: 'Other than `open`: who has a turn in its line may buy.',
    },
    allotted: { type: 'integer', minimum: 0, description: 'Flash sales only.' },
    claimed_share: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'Flash sales only: held or sold, down to a hundredth.',
    },
  },
  ['id', 'kind', 'state', 'availability', 'price', 'list_price', 'starts_at', 'ends_at', 'who'],
);

const productProperties = {
  id: text(80),
  vendor_id: text(80),
  name: text(65_536),
  description: text(65_536),
  price: money,
  sku: maybe(text(65_536)),
  category: maybe(text(65_536)),
  brand: maybe(text(65_536)),
  images: { type: 'array', items: { type: 'string' } },
  attributes: free,
  variant_of: maybe(text(80)),
  options: free,
  variants: { type: 'array', items: variant },
  availability,
  sales: { type: 'array', items: sale },
  delivery: { type: 'object', additionalProperties: true },
  registered_at: time,
  as_of: time,
  stale: { type: 'boolean' },
  server_time: time,
};

export const productSchema = object(productProperties, Object.keys(productProperties));

const country: JsonSchema = { type: 'string', pattern: '^[A-Z]{2}$' };
const postalCode = text(20);
const cursor = text(500);
const limit: JsonSchema = { type: 'integer', minimum: 1, maximum: 100, default: 20 };
const flag: JsonSchema = { type: 'boolean' };
const amount: JsonSchema = { type: 'integer', minimum: 0 };

/** Characters of one filter, as the facets show it. */
const attributeMax = 500;
const attributesMax = 30;

export const searchQuery = object({
  q: text(200),
  category: text(500),
  brand: text(500),
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
  on_sale: flag,
  deliverable: flag,
  country,
  postal_code: postalCode,
  sort: { enum: ['relevance', 'price', '-price', 'newest', 'popularity'] },
  limit,
  cursor,
});

/** Of a product page: where it would be sent. */
export const placeQuery = object({ country, postal_code: postalCode });

export const suggestQuery = object({ q: text(200) }, ['q']);

export const deliveryQuery = object({ product_id: text(80), country, postal_code: postalCode }, [
  'product_id',
]);

/** Where a cart is to be delivered, if not to the saved place. */
export const cartQuery = object({ country, postal_code: postalCode });

export const cartLineBody = object(
  { quantity: { type: 'integer', minimum: 1, maximum: quantityMax } },
  ['quantity'],
);

export const cartMergeBody = object({ guest_token: text(4096) }, ['guest_token']);

const cartLine = object(
  {
    product_id: text(80),
    name: maybe(text(65_536)),
    image: maybe(text(65_536)),
    quantity: { type: 'integer', minimum: 1 },
    price: money,
    list_price: money,
    amount: money,
    available: { type: 'boolean' },
    sale_id: maybe(text(80)),
    delivery: { type: 'object', additionalProperties: true },
    changed: {
      type: 'array',
      items: { enum: ['price', 'availability', 'quantity', 'withdrawn'] },
    },
  },
  ['product_id', 'quantity', 'price', 'amount', 'available', 'delivery', 'changed'],
);

export const cartSchema = object(
  {
    lines: { type: 'array', items: cartLine },
    total: money,
    stale: { type: 'boolean' },
    server_time: time,
  },
  ['lines', 'total', 'stale', 'server_time'],
);

const wish = object(
  {
    product_id: text(80),
    name: maybe(text(65_536)),
    image: maybe(text(65_536)),
    price: money,
    price_then: money,
    available: { type: 'boolean' },
    price_dropped: { type: 'boolean' },
    back_in_stock: { type: 'boolean' },
    added_at: time,
  },
  ['product_id', 'price', 'available', 'price_dropped', 'back_in_stock', 'added_at'],
);

const none: JsonSchema = { type: 'null' };

export const wishlistSchema = object(
  {
    items: { type: 'array', items: wish },
    next_cursor: maybe(text(200)),
    stale: { type: 'boolean' },
    server_time: time,
  },
  ['items', 'next_cursor', 'stale', 'server_time'],
);

export const wishlistQuery = object({
  limit: { type: 'integer', minimum: 1, maximum: wishesMax },
  cursor: text(200),
});

const addressLine = { type: 'string', minLength: 1, maxLength: 200, pattern: '\\S' };
const addressMaybe = { type: 'string', maxLength: 200 };

const addressFields = {
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

export const addressesSchema = object(
  { items: { type: 'array', items: addressBody }, next_cursor: none },
  ['items', 'next_cursor'],
);
