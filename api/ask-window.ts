/** What a handler of the sale asks the window of its caller: cart, delivery, saved details. */
import { orNull } from '../platform/awaited.ts';
import { isRetryable } from '../platform/fault.ts';
import { ProblemError, refuse } from '../platform/http/problems.ts';
import type { Ctx } from '../platform/http/route.ts';
import type { Details } from '../engine/index.ts';
import type { Answered, CatalogClient } from './catalog-client.ts';

const noBody = Buffer.alloc(0);

/** In whose name the window is asked: '' = nobody's. */
export interface Asker {
  readonly requestId: string;
  readonly authorization: string;
}

export const askerOf = (ctx: Ctx): Asker => ({
  requestId: ctx.requestId,
  authorization: ctx.header('authorization') ?? '',
});

/** Refuses with 503. */
export function windowAway(): never {
  const retryAfterMs = 1000;
  refuse('unavailable', 'The shop window is away for the moment.', { retryAfterMs });
}

/** GET with the caller's own token. Refuses with 503 when there is no answer. */
export async function askWindow(
  { requestId, authorization }: Asker,
  catalog: CatalogClient,
  path: string,
): Promise<Answered> {
  const headers = { 'x-request-id': requestId, authorization };
  try {
    return await catalog.send({ method: 'GET', path, headers, body: noBody });
  } catch (error) {
    if (isRetryable(error)) windowAway();
    throw error;
  }
}

const needed = ['name', 'line1', 'city', 'country'] as const;

/** E-mail and address as the caller saved them: what there is of them, an address only if it is whole. */
export async function savedDetails(
  asker: Asker,
  catalog: CatalogClient,
): Promise<Partial<Details>> {
  const { status, body } = await askWindow(asker, catalog, '/v1/me/addresses');
  if (status !== 200) windowAway();
  const { items } = JSON.parse(body) as { items: readonly Readonly<Record<string, string>>[] };
  const { email, ...address } = items[0] ?? {};
  const isWhole = needed.every((name) => address[name] !== undefined);
  return {
    ...(email === undefined ? {} : { email }),
    ...(isWhole ? { address: address as unknown as Details['address'] } : {}),
  };
}

export interface Place {
  readonly country: string;
  readonly postal_code?: string;
}

/** Whether a product goes to a place; null = nobody can say. */
export type Delivered = boolean | 'postal_code_needed' | null;

/** Refuses with 503 while the window is away. */
export async function deliverableTo(
  asker: Asker,
  catalog: CatalogClient,
  product: string,
  { country, postal_code }: Place,
): Promise<Delivered> {
  const query = new URLSearchParams({ product_id: product, country });
  if (postal_code !== undefined && postal_code !== '') query.set('postal_code', postal_code);
  const { status, body } = await askWindow(asker, catalog, `/v1/delivery?${query.toString()}`);
  if (status === 503) windowAway();
  if (status !== 200) return null;
  const { deliverable, reason } = JSON.parse(body) as WindowWord;
  return reason === 'postal_code_needed' ? reason : deliverable;
}

interface WindowWord {
  readonly deliverable: boolean | null;
  readonly reason: string | null;
}

/** How long a sale waits for the window's word; it is never waited for longer. */
const patienceMs = 500;

/** As `deliverableTo`, for a sale that goes on without the window: null where it does not say soon. */
export function deliverableSoon(...asked: Parameters<typeof deliverableTo>): Promise<Delivered> {
  return orNull(deliverableTo(...asked).catch(nullIfAway), patienceMs);
}

/** A window that is away is no reason to keep anybody out. */
function nullIfAway(error: unknown): null {
  if (error instanceof ProblemError && error.problem.code === 'unavailable') return null;
  throw error;
}
