/** JSON Schemas of what search, suggestions and delivery answer. */
import type { JsonSchema } from '../../platform/http/route.ts';
import { money, object } from '../schemas.ts';
import { matches } from './plan.ts';
import { availabilities } from './ranking.ts';

const string: JsonSchema = { type: 'string' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const flag: JsonSchema = { type: 'boolean' };
const time: JsonSchema = { type: 'string', format: 'date-time' };
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const maybe = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
const whole = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema =>
  object(properties, Object.keys(properties));

/** What every answer adds. */
const added = { stale: flag, server_time: time };

const deliveryProperties = {
  deliverable: { type: ['boolean', 'null'] },
  reason: {
    enum: [
      ...['excluded', 'not_included', 'place_needed', 'unknown_country', 'unknown_postal_code'],
      ...['postal_code_needed', 'not_located', null],
    ],
  },
  eta_days: maybe({ type: 'array', items: count, minItems: 2, maxItems: 2 }),
  fee: maybe(money),
  approximate: flag,
};

/** `delivery` of a hit and of a product page. */
export const deliveryOfHit = whole(deliveryProperties);

export const deliverySchema = whole({ ...deliveryProperties, ...added });

export const suggestSchema = whole({ suggestions: list(string), ...added });

const sale = whole({
  id: string,
  state: { enum: ['scheduled', 'live', 'paused', 'closing'] },
  price: money,
  starts_at: time,
  ends_at: maybe(time),
  admission: { enum: ['open', 'queue', 'draw'] },
});

const hitProperties = {
  id: string,
  name: string,
  brand: maybe(string),
  category: maybe(string),
  image: maybe(string),
  price: money,
  list_price: money,
  discount_percent: count,
  availability: { enum: [...availabilities] },
  variants: count,
  delivery: deliveryOfHit,
};

const hit = object({ ...hitProperties, sale }, Object.keys(hitProperties));
const values = list(whole({ value: string, count }));

export const searchSchema = whole({
  hits: list(hit),
  facets: whole({
    category: values,
    brand: values,
    price: list(whole({ value: string, min: count, max: maybe(count), count })),
    attributes: list(whole({ name: string, values })),
    on_sale: count,
    deliverable: maybe(count),
  }),
  total: count,
  total_approximate: flag,
  matched: { enum: [...matches] },
  next_cursor: maybe(string),
  ...added,
});
