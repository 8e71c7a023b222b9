/** The requests of a sale's life, in order: each says what it needs and what it leaves behind. */

/** What was made so far. */
export interface Life {
  vendorKey: string;
  shopperToken: string;
  guestToken: string;
  product: string;
  sale: string;
  /** With a line. */
  line: string;
  /** Cancelled before its bell. */
  spareSale: string;
  schedule: string;
  /** Paid in the end. */
  order: string;
  /** Released in the end. */
  spareOrder: string;
  /** Revoked in the end. */
  spareKey: string;
  job: string;
}

export interface Step {
  /** operationId. */
  readonly id: string;
  /** For the `{…}` of the path. */
  readonly path?: (life: Life) => string;
  readonly query?: string | ((life: Life) => string);
  readonly key?: string;
  readonly body?: (life: Life) => unknown;
  /** The body is a text of this type, and no JSON. */
  readonly media?: string;
  /** Another identity than the operation's own. */
  readonly token?: (life: Life) => string;
  /** Asks again until the answer is so. */
  readonly until?: (json: unknown) => boolean;
  readonly then?: (json: unknown, life: Life) => void;
}

const field = (json: unknown, name: string): string => {
  const value = (json as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === 'string' ? value : '';
};

const farAway = '2031-06-01T12:00:00Z';
const run = Date.now().toString(36);
const ofSale = (life: Life): string => life.sale;
const ofOrder = (life: Life): string => life.order;
const ofProduct = (life: Life): string => life.product;

const address = {
  name: 'Ann Ash',
  line1: '1 High Street',
  city: 'Noonville',
  postal_code: '10115',
  country: 'DE',
};

export const lifeOfASale: readonly Step[] = [
  { id: 'getLiveness' },
  { id: 'getReadiness' },
  { id: 'getOpenApi' },
  { id: 'getDocs' },
  { id: 'getErrorDocs' },
  {
    id: 'createVendor',
    body: () => ({ name: 'Bob' }),
    then: (json, life) => {
      life.vendorKey = field(json, 'key');
    },
  },
  {
    id: 'createKey',
    then: (json, life) => {
      life.spareKey = field(json, 'id');
    },
  },
  { id: 'listKeys' },
  { id: 'revokeKey', path: (life) => life.spareKey },
  {
    id: 'registerProduct',
    key: `register-${run}`,
    body: () => ({
      name: 'KUHL Laptop',
      description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
      price_usd: 200,
      remaining_supply: 30,
      attributes: { ram: { gb: 10 } },
    }),
    then: (json, life) => {
      life.product = field(json, 'id');
    },
  },
  { id: 'getRegistration', path: ofProduct, until: (json) => field(json, 'status') === 'listed' },
  { id: 'getProduct', path: ofProduct, until: (json) => field(json, 'id') !== '' },
  {
    id: 'importProducts',
    key: `import-${run}`,
    media: 'application/x-ndjson',
    body: () => '{"name":"Cup","description":"","price_usd":2,"remaining_supply":1}\n',
    then: (json, life) => {
      life.job = field(json, 'id');
    },
  },
  { id: 'getJob', path: (life) => life.job },
  {
    id: 'createSession',
    body: () => ({ shopper: `ann-${run}` }),
    then: (json, life) => {
      life.shopperToken = field(json, 'token');
    },
  },
  {
    id: 'createGuestSession',
    then: (json, life) => {
      life.guestToken = field(json, 'token');
    },
  },
  {
    id: 'createSale',
    key: `sale-${run}`,
    body: (life) => ({
      product_id: life.product,
      allotted: 10,
      discount_percent: 50,
      limit_per_shopper: 5,
    }),
    then: (json, life) => {
      life.sale = field(json, 'id');
    },
  },
  {
    id: 'createSale',
    body: (life) => ({
      product_id: life.product,
      allotted: 1,
      discount_percent: 50,
      starts_at: farAway,
    }),
    then: (json, life) => {
      life.spareSale = field(json, 'id');
    },
  },
  { id: 'changeSale', path: (life) => life.spareSale, body: () => ({ limit_per_shopper: 2 }) },
  { id: 'cancelSale', path: (life) => life.spareSale },
  {
    id: 'createSale',
    key: `schedule-${run}`,
    body: (life) => ({
      product_id: life.product,
      allotted: 1,
      discount_percent: 50,
      schedule: {
        local_time: '12:00',
        time_zone: 'Asia/Kolkata',
        dates: [farAway.slice(0, 10)],
      },
    }),
    then: (json, life) => {
      life.schedule = field(json, 'schedule_id');
    },
  },
  { id: 'listSchedules' },
  { id: 'getSchedule', path: (life) => life.schedule },
  { id: 'endSchedule', path: (life) => life.schedule },
  { id: 'getSale', path: ofSale, until: (json) => field(json, 'state') === 'live' },
  {
    id: 'createSale',
    key: `line-${run}`,
    body: (life) => ({
      product_id: life.product,
      allotted: 5,
      discount_percent: 1, // a checkout takes the cheapest, and nobody has a turn here
      admission: { mode: 'queue' },
    }),
    then: (json, life) => {
      life.line = field(json, 'id');
    },
  },
  { id: 'getProof', path: (life) => life.line, until: (json) => field(json, 'seed') !== '' },
  { id: 'joinLine', path: (life) => life.line, key: `join-${run}` },
  { id: 'getTicket', path: (life) => life.line },
  { id: 'leaveLine', path: (life) => life.line },
  { id: 'getAsyncapi' },
  { id: 'getSaleCalendar', path: ofSale },
  { id: 'listSales', query: '?state=upcoming,live&limit=100' },
  { id: 'listVendorSales' },
  {
    id: 'holdUnits',
    path: ofSale,
    key: `hold-${run}`,
    body: () => ({ quantity: 2 }),
    then: (json, life) => {
      life.order = field(json, 'id');
    },
  },
  {
    id: 'holdUnits',
    path: ofSale,
    key: `spare-${run}`,
    body: (life) => ({ quantity: 1, product_id: life.product }),
    then: (json, life) => {
      life.spareOrder = field(json, 'id');
    },
  },
  {
    id: 'setOrderDetails',
    path: ofOrder,
    body: () => ({ email: 'ann@example.com', address }),
  },
  { id: 'getOrder', path: ofOrder },
  { id: 'payOrder', path: ofOrder, key: `pay-${run}`, body: () => ({ method: { type: 'test' } }) },
  { id: 'payOrder', path: ofOrder, key: `pay-${run}`, body: () => ({ method: { type: 'test' } }) },
  { id: 'getOrder', path: ofOrder, until: (json) => field(json, 'state') === 'paid' },
  { id: 'releaseOrder', path: (life) => life.spareOrder },
  {
    id: 'checkout',
    key: `checkout-${run}`,
    body: (life) => ({
      lines: [{ product_id: life.product, quantity: 1 }],
      email: 'ann@example.com',
      address,
    }),
    then: (json, life) => {
      life.spareOrder = field(json, 'id');
    },
  },
  { id: 'releaseOrder', path: (life) => life.spareOrder },
  { id: 'listOrders', query: '?state=active&limit=10' },
  { id: 'getSaleStats', path: ofSale },
  { id: 'pauseSale', path: ofSale },
  { id: 'resumeSale', path: ofSale },
  { id: 'topUpSale', path: ofSale, key: `top-up-${run}`, body: () => ({ units: 5 }) },
  { id: 'closeSale', path: ofSale },
  // Nor may this one be live when its product is withdrawn.
  { id: 'closeSale', path: (life) => life.line },
  { id: 'changeProduct', path: ofProduct, body: () => ({ brand: 'KUHL', remaining_supply: 40 }) },
  { id: 'listVendorProducts', query: '?limit=100' },
  { id: 'search', query: '?q=laptop' },
  { id: 'suggest', query: '?q=lap' },
  { id: 'getDelivery', query: (life) => `?product_id=${life.product}&country=DE` },
  { id: 'putCartLine', path: ofProduct, body: () => ({ quantity: 1 }) },
  { id: 'getCart' },
  { id: 'deleteCartLine', path: ofProduct },
  { id: 'mergeCart', body: (life) => ({ guest_token: life.guestToken }) },
  { id: 'putWish', path: ofProduct },
  { id: 'getWishlist' },
  { id: 'deleteWish', path: ofProduct },
  { id: 'putAddresses', body: () => address },
  { id: 'getAddresses' },
  {
    id: 'withdrawProduct',
    path: ofProduct,
    until: (json) => field(json, 'status') === 'withdrawn',
  },
];
