/** Schemas of sales: the body that creates one, and what is said of one. */
import {
  answer,
  count,
  list,
  money,
  moneyIn,
  object,
  oneOf,
  productId,
  saleId,
  text,
  time,
  timeOrNull,
  whole,
} from './common.ts';
import { supplyMax } from '../../engine/index.ts';
import type { JsonSchema } from '../../platform/http/route.ts';

export const itemsMax = 50;
export const limitPerShopperMax = 1000;
export const saleStates = [
  'scheduled',
  'live',
  'paused',
  'closing',
  'closed',
  'cancelled',
] as const;

const offer = {
  product_id: productId,
  allotted: whole(1, supplyMax),
  price: moneyIn(1),
  discount_percent: whole(1, 99),
};

/** `dates` or `rrule`, one of both. */
const schedule = object(
  {
    local_time: { type: 'string', format: 'time' },
    time_zone: { type: 'string', format: 'time-zone' },
    dates: list({ type: 'string', format: 'date' }, { minItems: 1, maxItems: 366 }),
    rrule: text(500),
  },
  ['local_time', 'time_zone'],
);

const ratePerSecond = { exclusiveMinimum: 0, maximum: 1_000_000 };

const admissionFields = {
  mode: oneOf('open', 'queue', 'draw'),
  rate_per_second: { type: 'number', ...ratePerSecond },
  turn_seconds: whole(1, 86_400),
  factor: { type: 'number', minimum: 1, maximum: 100 },
};

const admission = object(admissionFields, ['mode']);

const thirtyDays = 2_592_000;

export const newSaleBody = object({
  ...offer,
  items: list(object(offer, ['product_id', 'allotted']), { minItems: 1, maxItems: itemsMax }),
  starts_at: time,
  schedule,
  duration_seconds: whole(1, thirtyDays, { default: 3600 }),
  limit_per_shopper: whole(1, limitPerShopperMax, { default: 1 }),
  hold_seconds: whole(1, 3600),
  who: { ...oneOf('verified', 'anyone'), default: 'verified' },
  admission,
});

/** Whatever is not there stays. */
export const saleChangeBody = {
  ...object({
    ...offer,
    items: list(object(offer, ['product_id']), { minItems: 1, maxItems: itemsMax }),
    starts_at: time,
    duration_seconds: whole(1, thirtyDays),
    limit_per_shopper: whole(1, limitPerShopperMax),
    hold_seconds: whole(1, 3600),
    who: oneOf('verified', 'anyone'),
    admission: {
      ...object({
        ...admissionFields,
        rate_per_second: { type: ['number', 'null'], ...ratePerSecond },
      }),
      minProperties: 1,
    },
  }),
  minProperties: 1,
};

export const topUpBody = object(
  {
    units: whole(1, supplyMax),
    product_id: productId,
    new_stock: { type: 'boolean', default: false },
  },
  ['units'],
);

const share: JsonSchema = {
  type: ['number', 'null'],
  minimum: 0,
  maximum: 1,
  description: 'Held or sold; null while the lane cannot say',
};

const itsSchedule: JsonSchema = {
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'Of a sale that a schedule made: `id`, `local_date`, `local_time`, `time_zone`',
};

const notice: JsonSchema = {
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'For its vendor: that it became smaller than asked for, or that nothing was left',
};

const saleFields = {
  id: saleId,
  kind: oneOf('standing', 'flash'),
  state: oneOf(...saleStates),
  sold_out: {
    type: ['boolean', 'null'],
    description: 'Nothing is free, or was left when it closed; null while the lane cannot say',
  },
  may_return: {
    type: ['boolean', 'null'],
    description:
      'Beside `sold_out`: some units are only held; where it is false none can come back. False ' +
      'while some are free, and once the sale is over; null as `sold_out`',
  },
  claimed_share: share,
  items: list(
    answer({
      product_id: productId,
      allotted: count,
      price: money,
      list_price: money,
      discount_percent: whole(0, 100),
      claimed_share: share,
    }),
  ),
  starts_at: time,
  ends_at: timeOrNull,
  limit_per_shopper: count,
  hold_seconds: count,
  who: oneOf('verified', 'anyone'),
  admission: { type: 'object', additionalProperties: true },
  seed_commitment: { type: ['string', 'null'] },
  created_at: time,
  server_time: time,
  next_states: list(oneOf(...saleStates)),
  schedule: itsSchedule,
};

/** As anybody sees it. */
export const saleAnswer = answer(saleFields);
/** As its vendor sees it. */
export const ownSaleAnswer = answer({ ...saleFields, notice }, ['notice']);

const counts = {
  offered: {
    ...count,
    description: 'As the sale says `allotted`: once it is over, with what went back unsold',
  },
  allotted: { ...count, description: 'What it has now: free, held or sold' },
  available: count,
  held: count,
  sold: count,
};

export const statsAnswer = answer({
  id: saleId,
  state: oneOf(...saleStates),
  ...counts,
  expired: count,
  released: count,
  attempts: count,
  refused: {
    type: 'object',
    additionalProperties: count,
    description: 'Holds by the code of the problem that they were refused with',
  },
  line: { type: 'object', additionalProperties: true },
  in_doubt: answer({ count, age_ms: { type: 'number', minimum: 0 } }),
  items: list(answer({ product_id: productId, price: money, ...counts })),
  server_time: time,
});
