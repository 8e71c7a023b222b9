/**
 * Whether an order can go where its shopper wants it: the vendor's rules as checkout judges them,
 * asked whenever a held order gets an address. With the window away it is not judged: the sale
 * does not wait for it.
 */
import { problem } from '../platform/http/problems.ts';
import type { ProblemInput } from '../platform/http/problems.ts';
import type { Details } from '../engine/index.ts';
import type { Api, Command } from './api.ts';
import { deliverableSoon } from './ask-window.ts';
import type { Asker } from './ask-window.ts';
import type { CatalogClient } from './catalog-client.ts';

export interface PlaceParts {
  readonly api: Pick<Api, 'engine'>;
  readonly catalog: CatalogClient;
}

const undeliverable = (products: readonly string[]): ProblemInput =>
  problem('undeliverable', 'This is not delivered to that address.', {
    param: 'address',
    errors: products.map((product_id) => ({ product_id, code: 'undeliverable' })),
  });

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
  const away = products.filter((_, i) => deliverable[i] === false);
  return away.length === 0 ? null : undeliverable(away);
}
