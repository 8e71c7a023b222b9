/** JSON Schemas that more than one half is made of: how they are built, ids and money. */
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

export const productId: JsonSchema = { type: 'string', pattern: productIdPattern };

/** In minor units: 1e11 times the 1,000 units of the largest hold is still a safe integer. */
export const amountMax = 100_000_000_000;

export const moneyIn = (minimum: number): JsonSchema =>
  object(
    { amount: whole(minimum, amountMax), currency: { type: 'string', pattern: '^[A-Z]{3}$' } },
    ['amount', 'currency'],
  );

export const country: JsonSchema = {
  type: 'string',
  pattern: '^[A-Z]{2}$',
  description: 'ISO 3166-1 alpha-2',
};
