/** From the body of PATCH /v1/sales/{id} to the engine's command: the rules that a schema cannot say. */
import { refuse } from '../platform/http/problems.ts';
import { checkCurrency } from '../engine/index.ts';
import type { Money, SaleChange } from '../engine/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { checkFactor, startOf } from './new-sale.ts';
import type { SaleBody } from './new-sale.ts';

interface ItemChange {
  readonly product_id?: string;
  readonly allotted?: number;
  readonly price?: Money;
  readonly discount_percent?: number;
}

/** A body that fits the schema: whatever it does not name stays. */
export interface SaleChangeBody extends ItemChange {
  readonly items?: readonly (ItemChange & { readonly product_id: string })[];
  readonly starts_at?: string;
  readonly duration_seconds?: number;
  readonly limit_per_shopper?: number;
  readonly hold_seconds?: number;
  readonly who?: SaleBody['who'];
  readonly admission?: Partial<
    Omit<NonNullable<SaleBody['admission']>, 'rate_per_second'> & {
      readonly rate_per_second: number | null;
    }
  >;
}

export interface ChangeContext {
  readonly idempotencyKey: string;
  readonly currency: string;
}

type Item = NonNullable<SaleChange['items']>[number];

function wrong(param: string, detail: string): never {
  refuse('invalid_request', detail, { param });
}

/** Throws the problem that names the field. */
export function saleChangeOf(body: SaleChangeBody, context: ChangeContext): SaleChange {
  const items = itemsOf(body, context.currency);
  checkAlone(body, items);
  return {
    ...(body.starts_at === undefined ? {} : { startsAt: startOf(body.starts_at) }),
    ...(body.duration_seconds === undefined ? {} : { durationSeconds: body.duration_seconds }),
    ...(body.limit_per_shopper === undefined ? {} : { limitPerShopper: body.limit_per_shopper }),
    ...(body.hold_seconds === undefined ? {} : { holdSeconds: body.hold_seconds }),
    ...(body.who === undefined ? {} : { who: body.who }),
    ...(body.admission === undefined ? {} : { admission: admissionOf(body.admission) }),
    ...(items.length === 0 ? {} : { items }),
    ...(context.idempotencyKey === '' ? {} : { idempotencyKey: context.idempotencyKey }),
    fingerprint: canonicalJson(body),
  };
}

function admissionOf(
  body: NonNullable<SaleChangeBody['admission']>,
): NonNullable<SaleChange['admission']> {
  const { mode, rate_per_second: ratePerSecond, turn_seconds: turnSeconds, factor } = body;
  if (factor !== undefined) checkFactor(factor);
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    ...(turnSeconds === undefined ? {} : { turnSeconds }),
    ...(factor === undefined ? {} : { factor }),
  };
}

/** One form or the other, as at the creation. */
function itemsOf(body: SaleChangeBody, currency: string): readonly Item[] {
  const { product_id, allotted, price, discount_percent } = body;
  const top = { product_id, allotted, price, discount_percent };
  const names = Object.entries(top).filter(([, value]) => value !== undefined);
  if (body.items === undefined) return names.length === 0 ? [] : [itemOf(top, '', currency)];
  for (const [name] of names) wrong(name, `\`${name}\` belongs into \`items\` when there are any`);
  const seen = new Set<string>();
  return body.items.map((item, i) => {
    const param = `items.${i}.product_id`;
    if (seen.has(item.product_id)) wrong(param, `\`${param}\` is there twice`);
    seen.add(item.product_id);
    return itemOf(item, `items.${i}.`, currency);
  });
}

function itemOf(
  item: { [K in keyof ItemChange]: ItemChange[K] | undefined },
  at: string,
  currency: string,
): Item {
  const { allotted, price, discount_percent: discountPercent } = item;
  if (price !== undefined && discountPercent !== undefined) {
    wrong(`${at}discount_percent`, '`price` and `discount_percent` exclude each other');
  }
  if (price !== undefined) checkCurrency(`${at}price`, price, currency);
  return {
    product: item.product_id ?? null,
    ...(allotted === undefined ? {} : { allotted }),
    ...(price === undefined ? {} : { price: price.amount }),
    ...(discountPercent === undefined ? {} : { discountPercent }),
  };
}

/** Units move between two lanes, terms change in one: both at once could end half done. */
function checkAlone(body: SaleChangeBody, items: readonly Item[]): void {
  const at = items.findIndex(({ allotted }) => allotted !== undefined);
  if (at < 0) return;
  const its = new Set(['items', 'product_id', 'allotted']);
  const isAlone = items.length === 1 && Object.keys(items[0] ?? {}).length === 2;
  if (isAlone && Object.keys(body).every((name) => its.has(name))) return;
  const param = body.items === undefined ? 'allotted' : `items.${at}.allotted`;
  refuse('unsupported', '`allotted` changes in a request of its own, for one item at a time.', {
    param,
  });
}
