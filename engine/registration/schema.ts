/** Schema of a registration: the registered fields and the rules of delivery. */
import {
  country,
  list,
  moneyIn,
  object,
  productId,
  text,
  whole,
} from '../../platform/http/schemas.ts';
import type { JsonSchema } from '../../platform/http/route.ts';

export const supplyMax = 10_000_000;
const regionsMax = 300;
const postalMax = 2000;

const postalCode: JsonSchema = { type: 'string', pattern: '^[0-9A-Za-z][0-9A-Za-z -]{0,15}$' };

const etaDays: JsonSchema = list(whole(0, 365), {
  minItems: 2,
  maxItems: 2,
  description: '[earliest, latest]',
});

const fee: JsonSchema = {
  ...moneyIn(0),
  description: 'Told to shoppers with the delivery; no order charges it',
};

/** R of the contract: all fields of one R hold, any R suffices. */
const region = object(
  {
    country,
    postal_prefixes: list(postalCode, { minItems: 1, maxItems: postalMax }),
    postal_ranges: list(list(postalCode, { minItems: 2, maxItems: 2 }), {
      minItems: 1,
      maxItems: postalMax,
      description: 'Pairs of codes of one length: from, to, both included',
    }),
    radius: object(
      {
        lat: { type: 'number', minimum: -90, maximum: 90 },
        lon: { type: 'number', minimum: -180, maximum: 180 },
        km: { type: 'number', exclusiveMinimum: 0, maximum: 20_038 },
      },
      ['lat', 'lon', 'km'],
    ),
    eta_days: etaDays,
    fee,
  },
  ['country'],
);

const delivery = object({
  include: list(region, { maxItems: regionsMax }),
  exclude: list(region, { maxItems: regionsMax }),
  eta_days: etaDays,
  fee,
});

export const registeredFields = {
  name: { ...text(200), pattern: '\\S', example: 'KUHL Laptop' },
  description: {
    ...text(10_000, 0),
    example: 'A gaming laptop with 10 GB ram and 256 GB SSD',
  },
  price_usd: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1_000_000_000,
    description: 'At most two decimals; instead of `price`',
    example: 200,
  },
  price: moneyIn(1),
  remaining_supply: whole(0, supplyMax, { example: 30 }),
  sku: text(100),
  category: text(200),
  brand: text(200),
  images: list({ type: 'string', format: 'uri', maxLength: 2048 }, { maxItems: 20 }),
  attributes: {
    type: 'object',
    additionalProperties: true,
    description: 'Free: 16 KB, five levels deep',
  },
  variant_of: productId,
  options: {
    type: 'object',
    propertyNames: { type: 'string', minLength: 1, maxLength: 50 },
    additionalProperties: text(100),
    maxProperties: 20,
    example: { size: '42' },
  },
  delivery,
};

const unknownFields = { 'x-unknown': 'fields of your own belong under `attributes`' };

export const registrationBody = object(
  registeredFields,
  ['name', 'description', 'remaining_supply'],
  unknownFields,
);

/** Only what changes. */
export const productChangeBody = object(registeredFields, [], {
  ...unknownFields,
  minProperties: 1,
});
