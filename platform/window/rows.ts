/**
 * The shop window's routes as both halves know them: the catalog answers them, the api hands them
 * on. Said once, so that what the api publishes is what the catalog does.
 */
import { invariant } from '../fault.ts';
import type { Route } from '../http/route.ts';
import { exampleProductId } from '../http/schemas.ts';
import {
  addressesAnswer,
  cartAnswer,
  deliveryAnswer,
  productAnswer,
  searchAnswer,
  suggestAnswer,
  wishlistAnswer,
} from './answers.ts';
import {
  addressBody,
  cartLineBody,
  cartMergeBody,
  deliveryQuery,
  exampleAddress,
  exampleEmail,
  placeQuery,
  searchQuery,
  suggestQuery,
  wishlistQuery,
} from './requests.ts';

/** All of a route but who does it. */
export type WindowRow = Omit<Route, 'handle' | 'bodyMode'>;

const everybody = {
  method: 'GET',
  half: 'window',
  auth: 'public',
  idempotencyKey: 'none',
} as const;
const ofShopper = { half: 'window', auth: 'shopper' } as const;
const asking = { ...ofShopper, method: 'GET', idempotencyKey: 'none' } as const;
/** Each change with a key leaves a row for two days. */
const changing = {
  ...ofShopper,
  idempotencyKey: 'optional',
  rateLimit: { name: 'window-changes', perMinute: 300 },
} as const;
const putting = { ...changing, method: 'PUT' } as const;
const taking = { ...changing, method: 'DELETE' } as const;

const ofEverybody: readonly WindowRow[] = [
  {
    ...everybody,
    ...{ id: 'getProduct', path: '/v1/products/{id}', summary: 'A product with its sales' },
    description:
      'Availability is the best of its sales, as settled at `as_of`. `stale` is true while the ' +
      'page could not be read again; `Age` then says how old it is. `delivery` is to `country` and ' +
      '`postal_code`, else to the place that the shopper saved.',
    query: placeQuery,
    responses: { 200: productAnswer, 304: null },
    errors: ['not_found', 'unavailable'],
  },
  {
    ...everybody,
    ...{ id: 'search', path: '/v1/search', summary: 'Search for products' },
    description:
      'Words, "phrases" and -exclusions; accents, case and endings do not count, and where little is ' +
      'found, near words, hits that lack one word and hits with any word are let in one after the ' +
      'other (`matched`), behind those that have all. Without `q` all products are listed. A ' +
      'product and its variants are one hit, and `price` is what its cheapest costs now. ' +
      'The place is `country` and `postal_code`, else the one that the shopper saved. Counts are ' +
      'exact up to 1,000 hits, beyond that `total_approximate` says that they were estimated.',
    query: searchQuery,
    examples: [
      { query: { q: 'gaming laptop' } },
      {
        title: 'Narrowed down, for a place, the cheapest first',
        query: {
          ...{ q: 'laptop', attribute: 'color=black', max_price: 100_000 },
          ...{ country: 'DE', postal_code: '10115', deliverable: true, sort: 'price' },
        },
      },
    ],
    responses: { 200: searchAnswer },
    errors: ['invalid_request', 'unavailable'],
  },
  {
    ...everybody,
    ...{ id: 'suggest', path: '/v1/suggest', summary: 'Suggestions while typing' },
    query: suggestQuery,
    examples: [{ query: { q: 'lap' } }],
    responses: { 200: suggestAnswer },
    errors: ['invalid_request', 'unavailable'],
  },
  {
    ...everybody,
    id: 'getDelivery',
    path: '/v1/delivery',
    summary: 'Whether a product is delivered to a place',
    description:
      '`deliverable` is null where it cannot be told, and `reason` says why. `approximate`: it was ' +
      'measured from the centre of an area around the postal code.',
    query: deliveryQuery,
    examples: [{ query: { product_id: exampleProductId, country: 'DE', postal_code: '10115' } }],
    responses: { 200: deliveryAnswer },
    errors: ['invalid_request', 'not_found', 'unavailable'],
  },
];

const cart = {
  description:
    'Priced and checked now: `changed` says what is otherwise than when the line was last put ' +
    '(`price`, `availability`, `quantity`, `withdrawn`), and stays until it is put again. `total` ' +
    'counts what is available. `delivery` is to the place that is asked for, else to the saved ' +
    'one. `stale` is true while it could not be read anew.',
  responses: { 200: cartAnswer },
};
const cartLine = '/v1/cart/lines/{product_id}';

const ofCarts: readonly WindowRow[] = [
  {
    ...{ ...asking, ...cart },
    ...{ id: 'getCart', path: '/v1/cart', summary: 'The cart, priced now' },
    query: placeQuery,
    errors: ['invalid_request', 'unavailable'],
  },
  {
    ...{ ...putting, ...cart },
    ...{ id: 'putCartLine', path: cartLine, summary: 'Set a quantity' },
    body: cartLineBody,
    errors: ['not_found', 'limit_reached', 'idempotency_key_reused', 'unavailable'],
  },
  {
    ...{ ...taking, ...cart },
    ...{ id: 'deleteCartLine', path: cartLine, summary: 'Take a line out' },
    errors: ['idempotency_key_reused', 'unavailable'],
  },
  {
    ...{ ...ofShopper, ...cart, method: 'POST', idempotencyKey: 'optional' },
    ...{ id: 'mergeCart', path: '/v1/cart/merge', summary: 'Add a guest’s cart' },
    body: cartMergeBody,
    examples: [{ body: { guest_token: '$GUEST_TOKEN' } }],
    errors: ['idempotency_key_reused', 'unavailable'],
  },
];

const wishlist = {
  description:
    '`price_dropped`: cheaper than when it was wished for. `back_in_stock`: it could not be ' +
    'bought at some time since then, and can now.',
  responses: { 200: wishlistAnswer },
};
const wish = '/v1/wishlist/{product_id}';

const ofWishes: readonly WindowRow[] = [
  {
    ...{ ...asking, ...wishlist },
    ...{ id: 'getWishlist', path: '/v1/wishlist', summary: 'The wishlist' },
    query: wishlistQuery,
    errors: ['invalid_request', 'unavailable'],
  },
  {
    ...{ ...putting, ...wishlist },
    ...{ id: 'putWish', path: wish, summary: 'Wish for a product' },
    errors: ['not_found', 'limit_reached', 'idempotency_key_reused', 'unavailable'],
  },
  {
    ...{ ...taking, ...wishlist },
    ...{ id: 'deleteWish', path: wish, summary: 'Wish no more' },
    errors: ['idempotency_key_reused', 'unavailable'],
  },
];

const addresses = {
  path: '/v1/me/addresses',
  description:
    'At most one, whole or only a country and a postal code. PUT replaces it; its `email` goes ' +
    'with it. Nobody else sees it.',
  responses: { 200: addressesAnswer },
  errors: ['unavailable'],
} as const;

const ofPlaces: readonly WindowRow[] = [
  { ...asking, ...addresses, id: 'getAddresses', summary: 'The saved place' },
  {
    ...{ ...putting, ...addresses, id: 'putAddresses', summary: 'Save a place' },
    errors: ['idempotency_key_reused', 'unavailable'],
    body: addressBody,
    examples: [
      { body: { ...exampleAddress, email: exampleEmail } },
      { title: 'As far as a guest knows it', body: { country: 'DE', postal_code: '10115' } },
    ],
  },
];

export const windowRows: readonly WindowRow[] = [
  ...ofEverybody,
  ...ofCarts,
  ...ofWishes,
  ...ofPlaces,
];

/** The row of this id. */
export function windowRow(id: string): WindowRow {
  const row = windowRows.find((one) => one.id === id);
  invariant(row !== undefined, `the window has no route ${id}`);
  return row;
}
