/** What the api says of the window's answers; the catalog's own document has the full form. */
import {
  answer,
  count,
  list,
  money,
  oneOf,
  pageOf,
  textOrNull,
  time,
  timeOrNull,
} from './common.ts';
import type { JsonSchema } from '../../platform/http/route.ts';

const free: JsonSchema = { type: 'object', additionalProperties: true };
const availability = oneOf('in_stock', 'low', 'sold_out', 'coming');
const string: JsonSchema = { type: 'string' };

const saleOfProduct = answer(
  {
    id: string,
    kind: oneOf('standing', 'flash'),
    state: string,
    price: money,
    starts_at: time,
    ends_at: timeOrNull,
    who: oneOf('anyone', 'verified'),
    limit_per_shopper: count,
    admission: oneOf('open', 'queue', 'draw'),
    allotted: count,
    claimed_share: { type: 'number', minimum: 0, maximum: 1 },
  },
  ['allotted', 'claimed_share'],
);

const flag: JsonSchema = { type: 'boolean' };

const deliveryFields = {
  deliverable: { type: ['boolean', 'null'] },
  reason: textOrNull,
  eta_days: { type: ['array', 'null'] },
  fee: { type: ['object', 'null'] },
};

const delivery = answer(deliveryFields);

export const productAnswer = answer({
  id: string,
  name: string,
  description: string,
  price: money,
  category: textOrNull,
  brand: textOrNull,
  images: list(string),
  attributes: free,
  variants: list(free),
  availability,
  sales: list(saleOfProduct),
  delivery,
  server_time: time,
});

const cartLine = answer({
  product_id: string,
  name: textOrNull,
  quantity: count,
  price: money,
  list_price: money,
  amount: money,
  available: { type: 'boolean' },
  sale_id: textOrNull,
  delivery,
  changed: list(oneOf('price', 'availability', 'quantity', 'withdrawn')),
});

const stale = flag;

export const deliveryAnswer = answer({ ...deliveryFields, stale, server_time: time });

export const suggestAnswer = answer({ suggestions: list(string), stale, server_time: time });

const hit = answer({ id: string, name: string, price: money, availability, delivery });

export const searchAnswer = answer({
  hits: list(hit),
  facets: answer({ category: list(free), brand: list(free), price: list(free) }),
  total: count,
  total_approximate: flag,
  next_cursor: textOrNull,
  stale,
  server_time: time,
});

export const cartAnswer = answer({ lines: list(cartLine), total: money, stale, server_time: time });

export const wishlistAnswer = pageOf(
  answer({
    product_id: string,
    name: textOrNull,
    price: money,
    price_then: money,
    available: { type: 'boolean' },
    price_dropped: { type: 'boolean' },
    back_in_stock: { type: 'boolean' },
    added_at: time,
  }),
  { stale, server_time: time },
);

export const addressesAnswer = pageOf(answer({ country: string }));
