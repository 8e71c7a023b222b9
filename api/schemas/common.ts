/** JSON Schemas that several routes share: sale ids, times, pages, details of an order. */
import type { JsonSchema } from '../../platform/http/route.ts';
import {
  answer,
  country,
  list,
  object,
  text,
  textOrNull,
  whole,
} from '../../platform/http/schemas.ts';

export {
  amountMax,
  answer,
  count,
  country,
  list,
  money,
  moneyIn,
  object,
  oneOf,
  productId,
  productIdPattern,
  text,
  textOrNull,
  time,
  timeOrNull,
  whole,
} from '../../platform/http/schemas.ts';

/** Crockford's alphabet in lower case, as engine/domain/ids.ts writes it. */
const base32 = '[0-9a-hjkmnp-tv-z]';

export const saleIdPattern = `^sal_${base32}{16}$`;
export const orderIdPattern = `^ord_${base32}{40}$`;
export const scheduleIdPattern = `^sch_${base32}{16}$`;
export const keyIdPattern = `^key_[0-9A-Za-z]{8,60}$`;

export const saleId: JsonSchema = { type: 'string', pattern: saleIdPattern };
export const orderId: JsonSchema = { type: 'string', pattern: orderIdPattern };
/** Path parameter `id` of this form; another one is 404, like no thing at all. */
export const idParams = (pattern: string): JsonSchema =>
  object({ id: { type: 'string', pattern } }, ['id']);

export const units = list({ type: 'integer', minimum: 1 });

const pageLimitDefault = 20;
export const pageLimitMax = 100;

/** Query of a list, with further parameters. */
export const pageQuery = (more: Readonly<Record<string, JsonSchema>> = {}): JsonSchema =>
  object({
    ...more,
    limit: whole(1, pageLimitMax, { default: pageLimitDefault }),
    cursor: { type: 'string', pattern: '^[A-Za-z0-9_.~=-]{1,300}$' },
  });

export const pageOf = (
  item: JsonSchema,
  more: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema => answer({ items: list(item), next_cursor: textOrNull, ...more });

/** At least one character that is not a space. */
const line = (maxLength: number): JsonSchema => ({ ...text(maxLength), pattern: '\\S' });

export const email: JsonSchema = { type: 'string', format: 'email', maxLength: 254 };

export const address = object(
  {
    name: line(200),
    line1: line(200),
    line2: text(200, 0),
    city: line(100),
    region: text(100, 0),
    postal_code: text(20, 0),
    country,
  },
  ['name', 'line1', 'city', 'country'],
);
