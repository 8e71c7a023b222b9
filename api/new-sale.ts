/**
 * From the body of POST /v1/sales to the engine's command: the rules that a schema cannot say.
 */
import { refuse } from '../platform/http/problems.ts';
import type { Admission, Millis, NewSale, NewSchedule } from '../engine/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { checkCurrency, noLine } from '../engine/index.ts';
import type { Money } from '../engine/index.ts';

interface Offer {
  readonly product_id: string;
  readonly allotted: number;
  readonly price?: Money;
  readonly discount_percent?: number;
}

export interface ScheduleBody {
  readonly local_time: string;
  readonly time_zone: string;
  readonly dates?: readonly string[];
  readonly rrule?: string;
}

/** A body that fits the schema. */
export interface SaleBody extends Partial<Offer> {
  readonly items?: readonly Offer[];
  readonly starts_at?: string;
  readonly schedule?: ScheduleBody;
  readonly duration_seconds: number;
  readonly limit_per_shopper: number;
  readonly hold_seconds?: number;
  readonly who: 'verified' | 'anyone';
  readonly admission?: {
    readonly mode: Admission['mode'];
    readonly rate_per_second?: number;
    readonly turn_seconds?: number;
    readonly factor?: number;
  };
}

export interface SaleContext {
  readonly vendor: string;
  readonly idempotencyKey: string;
  readonly currency: string;
  readonly holdSecondsDefault: number;
}

/** Later times have years of five digits once the duration is added. */
const startMax = Date.UTC(9990, 0, 1);

function wrong(param: string, detail: string): never {
  refuse('invalid_request', detail, { param });
}

/** Throws the problem that names the field. */
export function newSaleOf(body: SaleBody, context: SaleContext): NewSale {
  return {
    vendor: context.vendor,
    items: offersOf(body).map((offer) => itemOf(offer, context.currency)),
    durationSeconds: body.duration_seconds,
    limitPerShopper: body.limit_per_shopper,
    holdSeconds: body.hold_seconds ?? context.holdSecondsDefault,
    who: body.who,
    admission: admissionOf(body),
    fingerprint: canonicalJson(body),
    ...(body.starts_at === undefined ? {} : { startsAt: startOf(body.starts_at) }),
    ...(context.idempotencyKey === '' ? {} : { idempotencyKey: context.idempotencyKey }),
  };
}

/** The same of a body with a schedule, whose dates and rule the engine checks. */
export function newScheduleOf(
  body: SaleBody,
  schedule: ScheduleBody,
  context: SaleContext,
): NewSchedule {
  if (body.starts_at !== undefined) {
    wrong('schedule', '`schedule` and `starts_at` exclude each other');
  }
  const { local_time: localTime, time_zone: timeZone, ...days } = schedule;
  return { ...newSaleOf(body, context), schedule: { localTime, timeZone, ...days } };
}

/** An open sale has no line: of a line's fields it may only spell the defaults out. */
function admissionOf({ admission }: SaleBody): Admission {
  if (admission === undefined) return noLine;
  const { mode, rate_per_second: ratePerSecond = null } = admission;
  const { turn_seconds: turnSeconds = noLine.turnSeconds, factor = noLine.factor } = admission;
  if (mode !== 'open') {
    checkFactor(factor);
    return { mode, ratePerSecond, turnSeconds, factor };
  }
  for (const [name, differs] of [
    ['rate_per_second', ratePerSecond !== null],
    ['turn_seconds', turnSeconds !== noLine.turnSeconds],
    ['factor', factor !== noLine.factor],
  ] as const) {
    if (differs) wrong(`admission.${name}`, `\`admission.${name}\` belongs to a line`);
  }
  return noLine;
}

/** Throws for more than two decimals. */
export function checkFactor(factor: number): void {
  if (Math.abs(factor * 100 - Math.round(factor * 100)) <= 1e-6) return;
  wrong('admission.factor', '`admission.factor` has at most two decimals');
}

/** A time that has passed is the engine's to judge: it may be an old request, asked again by its key. */
export function startOf(text: string): Millis {
  const at = Date.parse(text);
  if (!(at <= startMax)) wrong('starts_at', '`starts_at` is too far away');
  return at;
}

/** One form or the other; with the products named once each. */
function offersOf(body: SaleBody): readonly Offer[] {
  const { items } = body;
  if (items === undefined) {
    const { product_id, allotted } = body;
    if (product_id === undefined) wrong('product_id', '`product_id` or `items` is required');
    if (allotted === undefined) wrong('allotted', '`allotted` is required');
    return [{ ...body, product_id, allotted }];
  }
  for (const name of ['product_id', 'allotted', 'price', 'discount_percent'] as const) {
    if (body[name] !== undefined) {
      wrong(name, `\`${name}\` belongs into \`items\` when there are any`);
    }
  }
  const seen = new Set<string>();
  items.forEach(({ product_id }, i) => {
    if (seen.has(product_id)) {
      const param = `items.${i}.product_id`;
      wrong(param, `\`${param}\` is there twice`);
    }
    seen.add(product_id);
  });
  return items.map((item, i) => ({ ...item, place: `items.${i}.` }));
}

function itemOf(offer: Offer & { readonly place?: string }, currency: string) {
  const { product_id: product, allotted, price, discount_percent: discountPercent } = offer;
  const place = offer.place ?? '';
  if (price !== undefined && discountPercent !== undefined) {
    wrong(`${place}discount_percent`, '`price` and `discount_percent` exclude each other');
  }
  if (price !== undefined) {
    checkCurrency(`${place}price`, price, currency);
    return { product, allotted, price: price.amount };
  }
  if (discountPercent !== undefined) return { product, allotted, discountPercent };
  return wrong(`${place}price`, '`price` or `discount_percent` is required');
}
