/**
 * The shop window's routes: each is handed to the catalog as it came, and answered as it answers.
 * With the catalog away it is 503, and the sale goes on.
 */
import { isRetryable } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { ProblemCode, ProblemInput } from '../platform/http/problems.ts';
import type { Ctx, HeaderName, JsonSchema, Method, Route } from '../platform/http/route.ts';
import type { CatalogClient } from './catalog-client.ts';
import {
  addressesAnswer,
  cartAnswer,
  deliveryAnswer,
  productAnswer,
  searchAnswer,
  suggestAnswer,
  wishlistAnswer,
} from './schemas/window.ts';

interface WindowRow {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly auth: 'public' | 'shopper';
  readonly summary: string;
  readonly answer: JsonSchema;
}

const row = (
  id: string,
  line: string,
  auth: WindowRow['auth'],
  summary: string,
  answer: JsonSchema,
): WindowRow => {
  const [method, path] = line.split(' ') as [Method, string];
  return { id, method, path, auth, summary, answer };
};

const rows: readonly WindowRow[] = [
  row('getProduct', 'GET /v1/products/{id}', 'public', 'A product with its sales', productAnswer),
  row('search', 'GET /v1/search', 'public', 'Search for products', searchAnswer),
  row('suggest', 'GET /v1/suggest', 'public', 'Suggestions while typing', suggestAnswer),
  row(
    'getDelivery',
    'GET /v1/delivery',
    'public',
    'Whether it is delivered to a place',
    deliveryAnswer,
  ),
  row('getCart', 'GET /v1/cart', 'shopper', 'The cart, priced now', cartAnswer),
  row('putCartLine', 'PUT /v1/cart/lines/{product_id}', 'shopper', 'Set a quantity', cartAnswer),
  row(
    'deleteCartLine',
    'DELETE /v1/cart/lines/{product_id}',
    'shopper',
    'Take a line out',
    cartAnswer,
  ),
  row('mergeCart', 'POST /v1/cart/merge', 'shopper', 'Add a guest’s cart', cartAnswer),
  row('getWishlist', 'GET /v1/wishlist', 'shopper', 'The wishlist', wishlistAnswer),
  row('putWish', 'PUT /v1/wishlist/{product_id}', 'shopper', 'Wish for a product', wishlistAnswer),
  row('deleteWish', 'DELETE /v1/wishlist/{product_id}', 'shopper', 'Wish no more', wishlistAnswer),
  row('getAddresses', 'GET /v1/me/addresses', 'shopper', 'The saved place', addressesAnswer),
  row('putAddresses', 'PUT /v1/me/addresses', 'shopper', 'Save a place', addressesAnswer),
];

const retryAfterMs = 1000;
const away = problem('unavailable', 'The shop window is away for the moment.', { retryAfterMs });

export function windowRoutes(catalog: CatalogClient): Route[] {
  return rows.map(({ id, method, path, auth, summary, answer }) => ({
    id,
    method,
    path,
    half: 'window',
    auth,
    summary,
    bodyMode: 'raw',
    // Handed on; whether one is needed the catalog says.
    idempotencyKey: method === 'GET' ? 'none' : 'optional',
    responses: { 200: answer, ...(auth === 'public' && { 304: null }) },
    errors: errorsOf(method, auth),
    handle: (ctx) => handOver(ctx, catalog),
  }));
}

function errorsOf(method: Method, auth: WindowRow['auth']): readonly ProblemCode[] {
  if (auth === 'public') return ['invalid_request', 'not_found', 'unavailable'];
  if (method === 'GET') return ['invalid_request', 'unavailable'];
  return ['invalid_request', 'unknown_field', 'not_found', 'limit_reached', 'unavailable'];
}

const handedOn: readonly HeaderName[] = [
  'authorization',
  'accept',
  'content-type',
  'idempotency-key',
  'if-none-match',
  'traceparent',
];

/** What no header may hold (RFC 9110 §5.5), and Node therefore does not send. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

const malformedHeader = (name: HeaderName): ProblemInput =>
  problem('invalid_request', `The header \`${name}\` holds a character that no header may hold.`, {
    param: name,
  });

async function handOver(ctx: Ctx, catalog: CatalogClient): Promise<void> {
  const headers: Record<string, string> = { 'x-request-id': ctx.requestId };
  for (const name of handedOn) {
    const value = ctx.header(name);
    if (value === undefined) continue;
    if (unsendable.test(value)) {
      ctx.problem(malformedHeader(name));
      return;
    }
    headers[name] = value;
  }
  const { method } = ctx.route;
  try {
    const handed = { method, path: ctx.url, headers, body: ctx.rawBody };
    const answered = await catalog.send(handed);
    ctx.reply(answered.status, answered.body, answered.headers);
  } catch (error) {
    if (isRetryable(error)) ctx.problem(away);
    else ctx.fail(error);
  }
}
