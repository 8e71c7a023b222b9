/**
 * The value of a `new-product` or `catalog-changes` message, from bytes to a row: both carry the
 * product whole. Additive fields are ignored; what is
 * missing or of another kind makes the message malformed, and says why. Pure.
 */

/** A row of shop.products as intake writes it. */
export interface ProductRow {
  readonly id: string;
  readonly vendor_id: string;
  readonly name: string;
  readonly description: string;
  readonly price: number;
  readonly currency: string;
  readonly sku: string | null;
  readonly category: string | null;
  readonly brand: string | null;
  readonly images: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly variant_of: string | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly delivery: Readonly<Record<string, unknown>> | null;
  readonly version: number;
  readonly registered_at: string;
  /** Only a change says so. */
  readonly withdrawn: boolean;
}

/** Said of a message that no retry can make right. */
export class Malformed extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'Malformed';
  }
}

type Fields = Readonly<Record<string, unknown>>;

const idPattern = /^[\x21-\x7e]{1,80}$/;
const currencyPattern = /^[A-Z]{3}$/;
const textMax = 65_536;
const imagesMax = 100;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws Malformed. `key` is the message's: the product's id, where there is one. */
export function parseNewProduct(key: string | null, value: Uint8Array): ProductRow {
  const row = productOf(jsonOf(value));
  if (key !== null && key !== row.id) throw new Malformed('the key is not the id');
  return row;
}

/** Of what a message's JSON says. Throws Malformed. */
export function productOf(value: unknown): ProductRow {
  const fields = objectOf(value, 'the value');
  const id = idOf(fields, 'id');
  const price = objectOf(fields['price'], 'price');
  return {
    id,
    vendor_id: idOf(fields, 'vendor_id'),
    name: textOf(fields['name'], 'name'),
    description: optional(fields['description'], 'description', textOf) ?? '',
    price: wholeOf(price['amount'], 'price.amount', 0),
    currency: matching(price['currency'], 'price.currency', currencyPattern),
    sku: optional(fields['sku'], 'sku', textOf),
    category: optional(fields['category'], 'category', textOf),
    brand: optional(fields['brand'], 'brand', textOf),
    images: optional(fields['images'], 'images', textsOf) ?? [],
    attributes: optional(fields['attributes'], 'attributes', objectOf) ?? {},
    variant_of: optional(fields['variant_of'], 'variant_of', textOf),
    options: optional(fields['options'], 'options', objectOf) ?? {},
    delivery: optional(fields['delivery'], 'delivery', objectOf),
    version:
      optional(fields['version'], 'version', (version) => wholeOf(version, 'version', 1)) ?? 1,
    registered_at: timeOf(fields['registered_at'], 'registered_at'),
    withdrawn: optional(fields['withdrawn'], 'withdrawn', flagOf) ?? false,
  };
}

function jsonOf(value: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(value)) as unknown;
  } catch {
    throw new Malformed('the value is not JSON in UTF-8');
  }
}

function optional<T>(value: unknown, name: string, read: (value: unknown, name: string) => T) {
  return value === undefined || value === null ? null : read(value, name);
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Malformed(`${name} is not an object`);
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new Malformed(`${name} is not a text`);
  if (value.length > textMax) throw new Malformed(`${name} is longer than ${textMax}`);
  if (value.includes('\0')) throw new Malformed(`${name} holds a NUL, which Postgres cannot keep`);
  return value;
}

function textsOf(value: unknown, name: string): string[] {
  if (!Array.isArray(value)) throw new Malformed(`${name} is not a list`);
  if (value.length > imagesMax) throw new Malformed(`${name} has more than ${imagesMax}`);
  return value.map((item, i) => textOf(item, `${name}.${i}`));
}

function matching(value: unknown, name: string, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new Malformed(`${name} is missing or has another form`);
}

const idOf = (fields: Fields, name: string): string => matching(fields[name], name, idPattern);

function wholeOf(value: unknown, name: string, min: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
  throw new Malformed(`${name} is not a whole number from ${min}`);
}

function flagOf(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new Malformed(`${name} is neither true nor false`);
}

function timeOf(value: unknown, name: string): string {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) throw new Malformed(`${name} is not a time`);
  return new Date(at).toISOString();
}
