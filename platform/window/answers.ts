/** JSON Schemas of what the shop window answers; the catalog makes it, the api hands it on. */
import {
  answer,
  count,
  list,
  money,
  oneOf,
  text,
  textOrNull,
  time,
  timeOrNull,
} from '../http/schemas.ts';
import type { JsonSchema } from '../http/route.ts';
import { addressFields } from './requests.ts';

/** How search found its hits, from the strictest to the most lenient. */
export const matches = ['every_word', 'near_words', 'most_words', 'any_word'] as const;

/** From the worst for a shopper to the best. */
export const availabilities = ['sold_out', 'coming', 'low', 'in_stock'] as const;

const string: JsonSchema = { type: 'string' };
const flag: JsonSchema = { type: 'boolean' };
const free: JsonSchema = { type: 'object', additionalProperties: true };
const maybe = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

/** What every answer adds. */
const added = {
  stale: { ...flag, description: 'It is an older answer: it could not be read anew' },
  server_time: time,
};

const id = text(80);
const percent: JsonSchema = { type: 'integer', minimum: 0, maximum: 100 };
const availability = oneOf(...availabilities);
const saleState = oneOf('scheduled', 'live', 'paused', 'closing');
const admission = {
  ...oneOf('open', 'queue', 'draw'),
  description: 'Other than `open`: who has a turn in its line may buy',
};

const deliveryFields = {
  deliverable: { type: ['boolean', 'null'], description: 'Null where it cannot be told' },
  reason: {
    enum: [
      ...['excluded', 'not_included', 'place_needed', 'unknown_country', 'unknown_postal_code'],
      ...['postal_code_needed', 'not_located', null],
    ],
  },
  eta_days: maybe({
    ...list(count, { minItems: 2, maxItems: 2 }),
    description: '[earliest, latest]',
  }),
  fee: maybe({
    ...money,
    description: 'What the vendor asks for delivery: told, not charged, and in no price or total',
  }),
  approximate: {
    ...flag,
    description: 'Measured from the centre of an area around the postal code',
  },
};

/** Of a hit, a product page and a cart's line. */
const delivery = answer(deliveryFields);

export const deliveryAnswer = answer({ ...deliveryFields, ...added });

export const suggestAnswer = answer({ suggestions: list(string), ...added });

const variant = answer({ id, name: string, options: free, price: money, availability });

const saleOfProduct = answer(
  {
    id,
    kind: oneOf('standing', 'flash'),
    state: saleState,
    availability,
    price: money,
    list_price: money,
    discount_percent: percent,
    starts_at: time,
    ends_at: timeOrNull,
    who: oneOf('anyone', 'verified'),
    limit_per_shopper: { type: 'integer', minimum: 1 },
    admission,
    allotted: { ...count, description: 'Flash sales only' },
    claimed_share: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'Flash sales only: held or sold, down to a hundredth',
    },
  },
  ['allotted', 'claimed_share'],
);

export const productAnswer = answer({
  id,
  vendor_id: id,
  name: string,
  description: string,
  price: money,
  sku: textOrNull,
  category: textOrNull,
  brand: textOrNull,
  images: list(string),
  attributes: free,
  variant_of: textOrNull,
  options: free,
  variants: list(variant),
  availability,
  sales: list(saleOfProduct),
  delivery,
  registered_at: time,
  as_of: { ...time, description: 'Its sales are as they were settled then' },
  ...added,
});

const saleOfHit = answer({
  id,
  state: saleState,
  price: money,
  starts_at: time,
  ends_at: timeOrNull,
  admission,
});

const hit = answer(
  {
    id,
    name: string,
    brand: textOrNull,
    category: textOrNull,
    image: textOrNull,
    price: money,
    list_price: money,
    discount_percent: percent,
    availability,
    variants: count,
    delivery,
    sale: saleOfHit,
  },
  ['sale'],
);

const values = list(answer({ value: string, count }));
const bar = answer({ value: string, min: count, max: { type: ['integer', 'null'] }, count });

export const searchAnswer = answer({
  hits: list(hit),
  facets: answer({
    category: values,
    brand: values,
    price: list(bar),
    attributes: list(answer({ name: string, values })),
    on_sale: count,
    deliverable: { type: ['integer', 'null'], minimum: 0 },
  }),
  total: count,
  total_approximate: flag,
  matched: oneOf(...matches),
  next_cursor: textOrNull,
  ...added,
});

const cartLine = answer({
  product_id: id,
  name: textOrNull,
  image: textOrNull,
  quantity: { type: 'integer', minimum: 1 },
  price: money,
  list_price: money,
  amount: money,
  available: { ...flag, description: 'So many can be had now, as far as is settled' },
  fewer_available: { ...flag, description: 'Not so many can be had, but fewer' },
  sale_id: textOrNull,
  ordered_apart: {
    ...flag,
    description: 'Its sale is decided apart from those of most lines: it is no line of their order',
  },
  delivery,
  changed: list(oneOf('price', 'availability', 'quantity', 'withdrawn')),
});

export const cartAnswer = answer({
  lines: list(cartLine),
  total: { ...money, description: 'Without fees for delivery' },
  ...added,
});

const wish = answer({
  product_id: id,
  name: textOrNull,
  image: textOrNull,
  price: money,
  price_then: money,
  available: flag,
  price_dropped: flag,
  back_in_stock: flag,
  added_at: time,
});

export const wishlistAnswer = answer({ items: list(wish), next_cursor: textOrNull, ...added });

/** As it was put: all but the country may be missing. */
const savedPlace = answer(
  addressFields,
  Object.keys(addressFields).filter((name) => name !== 'country'),
);

export const addressesAnswer = answer({ items: list(savedPlace), next_cursor: { type: 'null' } });
