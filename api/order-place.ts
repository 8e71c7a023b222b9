/**
 * Whether an order can go where its shopper wants it: the vendor's rules as checkout judges them,
 * asked whenever a held order gets an address. With the window away it is not judged: the sale
 * does not wait for it.
 */
import type { ProblemInput } from '../platform/http/problems.ts';
import type { Details, Rejection } from '../engine/index.ts';
import type { Api, Command } from './api.ts';
import { deliverableSoon } from './ask-window.ts';
import type { Asker, Delivered } from './ask-window.ts';
import type { CatalogClient } from './catalog-client.ts';
import { rejectionProblem } from './refusals.ts';

export interface PlaceParts {
  readonly api: Pick<Api, 'engine'>;
  readonly catalog: CatalogClient;
}

/**
 * Why a product cannot go there: it is not delivered to that address, or not without its postal code, as
 * whoever leaves it out must not get what is refused to who does not. Null = nothing is in the way, or
 * nobody can say.
 */
export function undeliverable(delivered: Delivered): Undeliverable | null {
  if (delivered === false) return { code: 'undeliverable', needs: 'address' };
  if (delivered !== 'postal_code_needed') return null;
  return { code: 'undeliverable', needs: 'postal_code' };
}

type Undeliverable = Rejection & { readonly code: 'undeliverable' };

/**
 * Null = nothing is in the way, or nobody can say. An order that is not held any more is not judged:
 * its command may be a replay, and gets the answer that it had.
 */
export async function placeProblem(
  { api, catalog }: PlaceParts,
  { id, shopper }: Pick<Command, 'id' | 'shopper'>,
  asker: Asker,
  address: Details['address'] | undefined,
): Promise<ProblemInput | null> {
  if (address === undefined) return null;
  const order = await api.engine.order(id, shopper);
  if (order.kind !== 'done' || order.value?.state !== 'held') return null;
  const products = order.value.lines.map((line) => line.product);
  // All at once: who waits for the window waits for it once.
  const deliverable = await Promise.all(
    products.map((product) => deliverableSoon(asker, catalog, product, address)),
  );
  const away = products.flatMap((product_id, i) => {
    const why = undeliverable(deliverable[i] ?? null);
    return why === null ? [] : [{ product_id, why }];
  });
  const first = away.find(({ why }) => why.needs === 'address') ?? away[0];
  if (first === undefined) return null;
  const errors = away.map(({ product_id, why }) => ({ product_id, code: why.code }));
  return { ...rejectionProblem(first.why), errors };
}
