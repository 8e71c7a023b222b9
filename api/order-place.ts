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
import type { Asker, Delivered } from './ask-window.ts';
import type { CatalogClient } from './catalog-client.ts';

export interface PlaceParts {
  readonly api: Pick<Api, 'engine'>;
  readonly catalog: CatalogClient;
}

interface Line {
  readonly product_id: string | undefined;
  /** Where it stands in what was asked for. */
  readonly line?: number;
}

/**
 * The lines that are not delivered to an address, or not without its postal code: whoever leaves it out
 * must not get what is refused to who does not. Null = nothing is in the way, or nobody can say.
 */
export function awayProblem(
  lines: readonly Line[],
  delivered: readonly Delivered[],
): ProblemInput | null {
  const away = lines.filter((_, i) => isAway(delivered[i] ?? null));
  if (away.length === 0) return null;
  const errors = away.map((line) => ({ ...line, code: 'undeliverable' }));
  return delivered.includes(false)
    ? problem('undeliverable', 'This is not delivered to that address.', {
        param: 'address',
        errors,
      })
    : problem('undeliverable', 'This is delivered to some postal codes: send `postal_code`.', {
        param: 'address.postal_code',
        errors,
      });
}

const isAway = (delivered: Delivered): boolean =>
  delivered === false || delivered === 'postal_code_needed';

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
  return awayProblem(
    products.map((product_id) => ({ product_id })),
    deliverable,
  );
}
