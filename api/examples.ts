/**
 * Requests for the docs, by the route's id: each is taken as it stands, but for its ids and tokens.
 * What is not here has one made from its schemas. A test sends all of them.
 */
import type { Route, RouteExample } from '../platform/http/route.ts';
import { exampleProductId as product_id } from '../platform/http/schemas.ts';
import { exampleAddress as address, exampleEmail as email } from '../platform/window/requests.ts';

const product = {
  name: 'KUHL Laptop',
  description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
  price_usd: 200,
  remaining_supply: 30,
};

const starts_at = '2030-06-01T12:00:00.000Z';
const offer = { product_id, allotted: 5, discount_percent: 50 };
const lined = { ...offer, starts_at, limit_per_shopper: 1 };
const method = { type: 'test' };

export const examples: Readonly<Record<string, readonly RouteExample[]>> = {
  registerProduct: [
    { body: product },
    {
      title: 'With what search and delivery are made from',
      body: {
        name: 'KUHL Laptop',
        description: '',
        price: { amount: 20_000, currency: 'USD' },
        remaining_supply: 30,
        category: 'laptops',
        brand: 'KUHL',
        attributes: { ram: '10 GB', color: 'black' },
        delivery: { include: [{ country: 'DE' }], eta_days: [2, 4] },
      },
    },
  ],
  changeProduct: [
    { body: { price_usd: 180 } },
    { title: 'Its stock', body: { remaining_supply: 40 } },
  ],
  importProducts: [
    { media: 'application/x-ndjson', title: 'NDJSON', body: `${JSON.stringify(product)}\n` },
    {
      media: 'text/csv',
      title: 'CSV, only to be told what is wrong with it',
      query: { dry_run: true },
      body: 'name,description,price_usd,remaining_supply\nCup,"Blue, with a handle",2,10\n',
    },
  ],
  createVendor: [{ body: { name: 'KUHL' } }],
  createSale: [
    { title: 'At once, at half of the price', body: offer },
    {
      title: 'With a line: who joins before the bell is drawn, who comes later stands behind',
      body: { ...lined, admission: { mode: 'queue', rate_per_second: 20 } },
    },
    {
      title: 'With a draw: nobody joins after the bell',
      body: { ...lined, admission: { mode: 'draw', rate_per_second: 20 } },
    },
    {
      title: 'Several products, at prices of their own',
      body: {
        items: [{ product_id, allotted: 5, price: { amount: 9950, currency: 'USD' } }],
        starts_at,
      },
    },
    {
      title: 'Every day at noon in India',
      body: {
        ...offer,
        schedule: { local_time: '12:00', time_zone: 'Asia/Kolkata', rrule: 'FREQ=DAILY' },
      },
    },
  ],
  changeSale: [
    { body: { limit_per_shopper: 2 } },
    { title: 'Another bell', body: { starts_at: '2030-06-02T12:00:00.000Z' } },
  ],
  topUpSale: [
    { title: 'From the standing sale', body: { units: 5 } },
    { title: 'As new stock', body: { units: 5, new_stock: true } },
  ],
  listSales: [{ query: { state: 'upcoming,live' } }],
  createSession: [{ body: { shopper: 'ann' } }],
  joinLine: [
    {},
    {
      title: 'Told first whether it is delivered there',
      body: { delivery: { country: 'DE', postal_code: '10115' } },
    },
  ],
  holdUnits: [{ body: { quantity: 1 } }],
  checkout: [
    { body: { lines: [{ product_id, quantity: 1 }], email, address } },
    { title: 'All that is in the cart', body: { cart: true, email, address } },
  ],
  setOrderDetails: [{ body: { email, address } }],
  payOrder: [
    { title: 'With e-mail and address', body: { method, email, address } },
    { title: 'When the order has them already', body: { method } },
  ],
  openSocket: [
    {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'SGlnaG5vb24sIGhpZ2ggbg==',
        'Sec-WebSocket-Protocol': 'highnoon.v1.json',
      },
    },
  ],
};

/** The same routes, with their examples. */
export const withExamples = (routes: readonly Route[]): Route[] =>
  routes.map((route) => {
    const own = examples[route.id];
    return own === undefined ? route : { ...route, examples: own };
  });
