/**
 * What a JSON Schema cannot say of a registration: two decimals, depth, order of pairs. Each rule
 * throws the problem that names the field.
 */
import { refuse } from '../../platform/http/problems.ts';
import { normalizePostalCode } from '../../platform/postal-code.ts';

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

interface Region {
  readonly postal_ranges?: readonly (readonly [string, string])[];
  readonly eta_days?: readonly [number, number];
  readonly fee?: Money;
}

interface Delivery {
  readonly include?: readonly Region[];
  readonly exclude?: readonly Region[];
  readonly eta_days?: readonly [number, number];
  readonly fee?: Money;
}

/** What a change may hold; it fits the schema. */
export interface ProductFields extends Readonly<Record<string, unknown>> {
  readonly remaining_supply?: number;
  readonly price_usd?: number;
  readonly price?: Money;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly delivery?: Delivery;
  readonly variant_of?: string;
}

/** A body that fits the schema. */
export interface RegistrationBody extends ProductFields {
  readonly name: string;
  readonly remaining_supply: number;
}

export const attributesMaxBytes = 16 * 1024;
export const attributesMaxDepth = 5;

function wrong(param: string, detail: string): never {
  refuse('invalid_request', `\`${param}\` ${detail}`, { param });
}

/** Refuses another currency than the one of this deployment. */
export function checkCurrency(param: string, money: Money, currency: string): void {
  if (money.currency !== currency) wrong(`${param}.currency`, `must be ${currency}`);
}

/** The price in minor units; `price_usd` and `price` exclude each other, and one is needed. */
export function priceOf(body: ProductFields, currency: string): Money {
  const { price, price_usd: usd } = body;
  if (price !== undefined) {
    if (usd !== undefined) wrong('price_usd', 'and `price` exclude each other');
    checkCurrency('price', price, currency);
    return price;
  }
  if (usd === undefined) wrong('price_usd', 'or `price` is required');
  if (currency !== 'USD') wrong('price_usd', `is not taken here; send \`price\` in ${currency}`);
  // By its decimal text, because 0.07 * 100 is no whole number.
  if (!/^\d+(\.\d\d?)?$/.test(String(usd))) wrong('price_usd', 'may have two decimals at most');
  return { amount: Math.round(usd * 100), currency };
}

/** Throws a problem unless the body keeps all rules. */
export function checkRegistration(body: ProductFields, currency: string): void {
  if (body.attributes !== undefined) checkAttributes(body.attributes);
  if (body.delivery !== undefined) checkDelivery(body.delivery, currency);
}

function checkAttributes(attributes: Readonly<Record<string, unknown>>): void {
  if (depthOf(attributes) > attributesMaxDepth) {
    wrong('attributes', `may be ${attributesMaxDepth} levels deep at most`);
  }
  if (Buffer.byteLength(JSON.stringify(attributes)) > attributesMaxBytes) {
    wrong('attributes', `may have ${attributesMaxBytes} bytes at most`);
  }
}

/** Objects and lists in each other; the outermost is 1. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner));
  return deepest + 1;
}

function checkDelivery(delivery: Delivery, currency: string): void {
  checkTerms('delivery', delivery, currency);
  for (const side of ['include', 'exclude'] as const) {
    delivery[side]?.forEach((region, i) => {
      const place = `delivery.${side}.${i}`;
      checkTerms(place, region, currency);
      region.postal_ranges?.forEach((range, j) => {
        checkRange(`${place}.postal_ranges.${j}`, range);
      });
    });
  }
}

function checkTerms(place: string, terms: Region, currency: string): void {
  if (terms.fee !== undefined) checkCurrency(`${place}.fee`, terms.fee, currency);
  const eta = terms.eta_days;
  if (eta !== undefined && eta[0] > eta[1]) wrong(`${place}.eta_days`, 'must be [from, to]');
}

/** Codes are compared as text, which orders them only when they have one length. */
function checkRange(place: string, [from, to]: readonly [string, string]): void {
  const [a, b] = [normalizePostalCode(from), normalizePostalCode(to)];
  if (a.length !== b.length) wrong(place, 'must hold two codes of one length');
  if (a > b) wrong(place, 'must be [from, to]');
}
