/**
 * Routes of the window that the contract names and this version does not have: each is in the
 * table with its rules, asks for the right identity and answers 422 `unsupported`.
 */
import { problem } from '../platform/http/problems.ts';
import type { Auth, JsonSchema, Method, Route } from '../platform/http/route.ts';
import {
  addressBody,
  cartLineBody,
  cartMergeBody,
  deliveryQuery,
  searchQuery,
  suggestQuery,
} from './schemas.ts';

interface Later {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly auth: Auth;
  readonly summary: string;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
}

const publicOnes: readonly Later[] = [
  {
    id: 'search',
    method: 'GET',
    path: '/v1/search',
    auth: 'public',
    summary: 'Search for products',
    query: searchQuery,
  },
  {
    id: 'suggest',
    method: 'GET',
    path: '/v1/suggest',
    auth: 'public',
    summary: 'Suggestions while typing',
    query: suggestQuery,
  },
  {
    id: 'getDelivery',
    method: 'GET',
    path: '/v1/delivery',
    auth: 'public',
    summary: 'Whether a product is delivered to a place',
    query: deliveryQuery,
  },
];

const cartLine = '/v1/cart/lines/{product_id}';
const wish = '/v1/wishlist/{product_id}';

function shoppers(id: string, method: Method, path: string, summary: string, body?: JsonSchema) {
  const later: Later = { id, method, path, auth: 'shopper', summary };
  return body === undefined ? later : { ...later, body };
}

const shopperOnes: readonly Later[] = [
  shoppers('getCart', 'GET', '/v1/cart', 'The cart, priced now'),
  shoppers('putCartLine', 'PUT', cartLine, 'Set a quantity', cartLineBody),
  shoppers('deleteCartLine', 'DELETE', cartLine, 'Take a line out'),
  shoppers('mergeCart', 'POST', '/v1/cart/merge', 'Add a guest’s cart', cartMergeBody),
  shoppers('getWishlist', 'GET', '/v1/wishlist', 'The wishlist'),
  shoppers('putWish', 'PUT', wish, 'Wish for a product'),
  shoppers('deleteWish', 'DELETE', wish, 'Wish no more'),
  shoppers('getAddresses', 'GET', '/v1/me/addresses', 'The saved place'),
  shoppers('putAddresses', 'PUT', '/v1/me/addresses', 'Save a place', addressBody),
];

export function laterRoutes(): Route[] {
  return [...publicOnes, ...shopperOnes].map((later) => ({
    ...later,
    half: 'window' as const,
    idempotencyKey: later.method === 'GET' ? ('none' as const) : ('optional' as const),
    responses: {},
    errors: ['unsupported' as const],
    handle: (ctx) => {
      ctx.problem(problem('unsupported', `${later.summary}: this version does not have it yet.`));
    },
  }));
}
