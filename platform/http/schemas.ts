/** JSON Schemas that more than one half is made of: how they are built, ids, times and money. */
import type { JsonSchema } from './route.ts';

/** An object of these fields and no others. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  more: JsonSchema = {},
): JsonSchema {
  return {
    type: 'object',
    properties,
    required: [...required],
    additionalProperties: false,
    ...more,
  };
}

/** An object in an answer: more fields may come with later versions. */
export function answer(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required };
}

export const oneOf = (...values: readonly string[]): JsonSchema => ({
  type: 'string',
  enum: values,
});

export const list = (items: JsonSchema, more: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  ...more,
});

export const text = (maxLength: number, minLength = 1): JsonSchema => ({
  type: 'string',
  minLength,
  maxLength,
});

export const whole = (minimum: number, maximum: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum,
  ...more,
});

export const productIdPattern = `^prd_[0-9A-Za-z]{8,60}$`;

/** In examples: nobody's. */
export const exampleProductId = 'prd_0123456789abcdef';

export const productId: JsonSchema = {
  type: 'string',
  pattern: productIdPattern,
  example: exampleProductId,
};

export const time: JsonSchema = {
  type: 'string',
  format: 'date-time',
  example: '2030-06-01T12:00:00.000Z',
};
export const timeOrNull: JsonSchema = { type: ['string', 'null'], format: 'date-time' };
export const textOrNull: JsonSchema = { type: ['string', 'null'] };
export const count: JsonSchema = { type: 'integer', minimum: 0 };

/** Of an answer. */
export const money = answer({ amount: count, currency: { type: 'string' } });

/** In minor units: 1e11 times the 1,000 units of the largest hold is still a safe integer. */
export const amountMax = 100_000_000_000;

export const moneyIn = (minimum: number): JsonSchema =>
  object(
    {
      amount: whole(minimum, amountMax),
      currency: { type: 'string', pattern: '^[A-Z]{3}$', example: 'USD' },
    },
    ['amount', 'currency'],
  );

export const country: JsonSchema = {
  type: 'string',
  pattern: '^[A-Z]{2}$',
  description: 'ISO 3166-1 alpha-2',
  example: 'DE',
};
