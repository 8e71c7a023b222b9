/** One good request for every route with a body, and what its fields are made of. */
import { jobId, keyId, linedSaleId, orderId, productId, saleId } from './fake-engine.ts';
import type { Field } from './bad-values.ts';
import type { GoodRequest } from './good-request.ts';
import { goodScheduleRequests } from './good-schedules.ts';

export type { GoodRequest };

const address = {
  name: 'Ann Ash',
  line1: '1 High Street',
  line2: '',
  city: 'Noonville',
  region: 'NV',
  postal_code: '10115',
  country: 'DE',
};

const addressFields: readonly Field[] = [
  { path: 'email', kind: 'text' },
  { path: 'address', kind: 'object' },
  { path: 'address.name', kind: 'text' },
  { path: 'address.line1', kind: 'text' },
  { path: 'address.line2', kind: 'text', empty: true },
  { path: 'address.city', kind: 'text' },
  { path: 'address.region', kind: 'text', empty: true },
  { path: 'address.postal_code', kind: 'text', empty: true },
  { path: 'address.country', kind: 'word' },
];

const region = {
  country: 'DE',
  postal_prefixes: ['10'],
  postal_ranges: [['10000', '10999']],
  radius: { lat: 52.5, lon: 13.4, km: 10 },
  eta_days: [1, 3],
  fee: { amount: 0, currency: 'USD' },
};

const regionFields = (at: string): readonly Field[] => [
  { path: at, kind: 'object' },
  { path: `${at}.country`, kind: 'word' },
  { path: `${at}.postal_prefixes`, kind: 'list' },
  { path: `${at}.postal_prefixes.0`, kind: 'text' },
  { path: `${at}.postal_ranges`, kind: 'list' },
  { path: `${at}.postal_ranges.0`, kind: 'list' },
  { path: `${at}.postal_ranges.0.0`, kind: 'text' },
  { path: `${at}.radius`, kind: 'object' },
  { path: `${at}.radius.lat`, kind: 'decimal', zero: true, negative: true, fraction: true },
  { path: `${at}.radius.lon`, kind: 'decimal', zero: true, negative: true, fraction: true },
  { path: `${at}.radius.km`, kind: 'decimal', fraction: true },
  { path: `${at}.eta_days`, kind: 'list' },
  { path: `${at}.eta_days.0`, kind: 'whole', zero: true },
  { path: `${at}.eta_days.1`, kind: 'whole' },
  { path: `${at}.fee`, kind: 'money', zero: true },
];

const register: GoodRequest = {
  id: 'registerProduct',
  method: 'POST',
  path: '/register-product',
  as: 'vendor',
  status: 202,
  calls: ['register'],
  body: {
    name: 'KUHL Laptop',
    description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
    price_usd: 200,
    remaining_supply: 30,
    sku: 'KL-1',
    category: 'laptops',
    brand: 'KUHL',
    images: ['https://example.com/a.jpg'],
    attributes: { ram: { gb: 10 } },
    variant_of: productId,
    options: { size: '15' },
    delivery: {
      include: [region],
      exclude: [region],
      eta_days: [2, 4],
      fee: { amount: 490, currency: 'USD' },
    },
  },
  required: ['name', 'description', 'price_usd', 'remaining_supply'],
  fields: [
    { path: 'name', kind: 'text' },
    { path: 'description', kind: 'text', empty: true },
    { path: 'price_usd', kind: 'decimal', fraction: true },
    { path: 'remaining_supply', kind: 'whole', zero: true },
    { path: 'sku', kind: 'text' },
    { path: 'category', kind: 'text' },
    { path: 'brand', kind: 'text' },
    { path: 'images', kind: 'list' },
    { path: 'images.0', kind: 'word' },
    { path: 'attributes', kind: 'object' },
    { path: 'variant_of', kind: 'id' },
    { path: 'options', kind: 'object' },
    { path: 'options.size', kind: 'text' },
    { path: 'delivery', kind: 'object' },
    { path: 'delivery.eta_days', kind: 'list' },
    { path: 'delivery.fee', kind: 'money', zero: true },
    { path: 'delivery.include', kind: 'list' },
    { path: 'delivery.exclude', kind: 'list' },
    ...regionFields('delivery.include.0'),
    ...regionFields('delivery.exclude.0'),
  ],
};

const fieldsOf = ({ body, fields = [] }: GoodRequest) => ({ body, fields });

const registerByMoney: GoodRequest = {
  ...register,
  body: {
    name: 'KUHL Laptop',
    description: '',
    price: { amount: 20_000, currency: 'USD' },
    remaining_supply: 0,
  },
  required: ['name'],
  fields: [{ path: 'price', kind: 'money' }],
};

const saleFields: readonly Field[] = [
  { path: 'starts_at', kind: 'time' },
  { path: 'duration_seconds', kind: 'whole' },
  { path: 'limit_per_shopper', kind: 'whole' },
  { path: 'hold_seconds', kind: 'whole' },
  { path: 'who', kind: 'word' },
  { path: 'admission', kind: 'object' },
  { path: 'admission.mode', kind: 'word' },
  { path: 'schedule', kind: 'object' },
];

const createSale: GoodRequest = {
  id: 'createSale',
  method: 'POST',
  path: '/v1/sales',
  as: 'vendor',
  status: 201,
  calls: ['createSale', 'laneSale'],
  body: {
    product_id: productId,
    allotted: 10,
    price: { amount: 9950, currency: 'USD' },
    starts_at: '2030-06-01T13:00:00Z',
    duration_seconds: 3600,
    limit_per_shopper: 2,
    hold_seconds: 300,
    who: 'anyone',
    admission: { mode: 'open' },
  },
  required: ['product_id', 'allotted', 'price'],
  fields: [
    { path: 'product_id', kind: 'id' },
    { path: 'allotted', kind: 'whole' },
    { path: 'price', kind: 'money' },
    ...saleFields,
  ],
};

const createSaleByPercent: GoodRequest = {
  ...createSale,
  body: { product_id: productId, allotted: 10, discount_percent: 50 },
  required: ['product_id'],
  fields: [{ path: 'discount_percent', kind: 'whole' }],
};

const createSaleOfItems: GoodRequest = {
  ...createSale,
  body: {
    items: [
      { product_id: productId, allotted: 10, price: { amount: 9950, currency: 'USD' } },
      { product_id: `${productId}d`, allotted: 10, discount_percent: 10 },
    ],
  },
  required: ['items.0.product_id', 'items.0.allotted', 'items.0.price'],
  fields: [
    { path: 'items', kind: 'list' },
    { path: 'items.0', kind: 'object' },
    { path: 'items.0.product_id', kind: 'id' },
    { path: 'items.0.allotted', kind: 'whole' },
    { path: 'items.0.price', kind: 'money' },
    { path: 'items.1.discount_percent', kind: 'whole' },
  ],
};

const control = (what: string, call: string): GoodRequest => ({
  id: `${what}Sale`,
  method: 'POST',
  path: `/v1/sales/${saleId}/${what}`,
  as: 'vendor',
  status: 200,
  calls: [call, 'laneSale'],
});

const get = (
  id: string,
  path: string,
  as: GoodRequest['as'],
  ...calls: readonly string[]
): GoodRequest => ({ id, method: 'GET', path, as, status: 200, calls });

export const goodRequests: readonly GoodRequest[] = [
  register,
  registerByMoney,
  get('getJob', `/v1/jobs/${jobId}`, 'vendor', 'importJob'),
  get('getRegistration', `/v1/registrations/${productId}`, 'vendor', 'registration'),
  {
    id: 'createVendor',
    method: 'POST',
    path: '/v1/vendors',
    as: 'nobody',
    status: 201,
    calls: ['createVendor'],
    body: { name: 'Bob' },
    required: ['name'],
    fields: [{ path: 'name', kind: 'text' }],
  },
  get('listKeys', '/v1/api-keys?limit=10', 'vendor', 'keys'),
  {
    id: 'createKey',
    method: 'POST',
    path: '/v1/api-keys',
    as: 'vendor',
    status: 201,
    calls: ['createKey'],
  },
  {
    id: 'revokeKey',
    method: 'DELETE',
    path: `/v1/api-keys/${keyId}`,
    as: 'vendor',
    status: 200,
    calls: ['revokeKey'],
  },
  createSale,
  createSaleByPercent,
  createSaleOfItems,
  ...goodScheduleRequests,
  control('pause', 'pauseSale'),
  control('resume', 'resumeSale'),
  control('close', 'closeSale'),
  {
    id: 'topUpSale',
    method: 'POST',
    path: `/v1/sales/${saleId}/top-up`,
    as: 'vendor',
    status: 200,
    calls: ['topUp', 'laneSale'],
    body: { units: 5, product_id: productId, new_stock: true },
    required: ['units'],
    fields: [
      { path: 'units', kind: 'whole' },
      { path: 'product_id', kind: 'id' },
      { path: 'new_stock', kind: 'flag' },
    ],
  },
  {
    id: 'changeProduct',
    method: 'PATCH',
    path: `/v1/products/${productId}`,
    as: 'vendor',
    status: 200,
    calls: ['changeProduct'],
    ...fieldsOf(register),
  },
  {
    id: 'changeProduct',
    method: 'PATCH',
    path: `/v1/products/${productId}`,
    as: 'vendor',
    status: 200,
    calls: ['changeProduct'],
    ...fieldsOf(registerByMoney),
  },
  {
    id: 'withdrawProduct',
    method: 'DELETE',
    path: `/v1/products/${productId}`,
    as: 'vendor',
    status: 200,
    calls: ['withdrawProduct'],
  },
  get('listVendorProducts', '/v1/vendor/products?limit=10', 'vendor', 'products'),
  get('listVendorSales', '/v1/vendor/sales', 'vendor', 'sales', 'laneSale'),
  get('getSaleStats', `/v1/sales/${saleId}/stats`, 'vendor', 'sale', 'laneSale'),
  get('listSales', '/v1/sales?state=upcoming,live&limit=100', 'nobody', 'sales', 'laneSale'),
  get('getSale', `/v1/sales/${saleId}`, 'nobody', 'sale', 'laneSale'),
  {
    id: 'createSession',
    method: 'POST',
    path: '/v1/sessions',
    as: 'nobody',
    status: 201,
    calls: [],
    body: { shopper: 'ann' },
    fields: [{ path: 'shopper', kind: 'text' }],
  },
  {
    id: 'createGuestSession',
    method: 'POST',
    path: '/v1/guest-sessions',
    as: 'nobody',
    status: 201,
    calls: [],
  },
  {
    id: 'holdUnits',
    method: 'POST',
    path: `/v1/sales/${saleId}/holds`,
    as: 'ann',
    key: 'k1',
    status: 201,
    calls: ['hold'],
    body: { quantity: 2, product_id: productId },
    required: ['quantity'],
    fields: [
      { path: 'quantity', kind: 'whole' },
      { path: 'product_id', kind: 'id' },
    ],
  },
  {
    id: 'checkout',
    method: 'POST',
    path: '/v1/checkout',
    as: 'ann',
    key: 'k1',
    status: 201,
    calls: ['checkout'],
    body: {
      cart: true,
      lines: [{ product_id: productId, quantity: 2 }],
      email: 'ann@example.com',
      address,
    },
    required: ['email', 'address', 'lines.0.product_id', 'lines.0.quantity', 'address.name'],
    fields: [
      { path: 'cart', kind: 'flag' },
      { path: 'lines', kind: 'list' },
      { path: 'lines.0', kind: 'object' },
      { path: 'lines.0.product_id', kind: 'id' },
      { path: 'lines.0.quantity', kind: 'whole' },
      ...addressFields,
    ],
  },
  get('getOrder', `/v1/orders/${orderId}`, 'ann', 'order'),
  get('listOrders', '/v1/orders?state=active&limit=1&cursor=abc', 'ann', 'orders'),
  {
    id: 'setOrderDetails',
    method: 'PATCH',
    path: `/v1/orders/${orderId}`,
    as: 'ann',
    status: 200,
    calls: ['order', 'storeDetails', 'order'],
    body: { email: 'ann@example.com', address },
    required: ['address.name', 'address.line1', 'address.city', 'address.country'],
    fields: [...addressFields],
  },
  {
    id: 'payOrder',
    method: 'POST',
    path: `/v1/orders/${orderId}/pay`,
    as: 'ann',
    key: 'k1',
    status: 200,
    calls: ['order', 'storeDetails', 'pay'],
    body: { method: { type: 'test' }, email: 'ann@example.com', address },
    required: ['method', 'method.type', 'address.name'],
    fields: [
      { path: 'method', kind: 'object' },
      { path: 'method.type', kind: 'word' },
      { path: 'method.token', kind: 'text' },
      ...addressFields,
    ],
  },
  {
    id: 'releaseOrder',
    method: 'DELETE',
    path: `/v1/orders/${orderId}`,
    as: 'ann',
    key: 'k1',
    status: 200,
    calls: ['release'],
  },
  {
    id: 'joinLine',
    method: 'POST',
    path: `/v1/sales/${linedSaleId}/tickets`,
    as: 'ann',
    key: 'k1',
    status: 201,
    calls: ['sale', 'join', 'laneSale'],
    body: { delivery: { country: 'DE', postal_code: '10115' } },
    fields: [
      { path: 'delivery', kind: 'object' },
      { path: 'delivery.country', kind: 'word' },
      { path: 'delivery.postal_code', kind: 'text' },
    ],
  },
  get('getTicket', `/v1/sales/${saleId}/tickets/me`, 'ann', 'ticket', 'sale'),
  {
    id: 'leaveLine',
    method: 'DELETE',
    path: `/v1/sales/${saleId}/tickets/me`,
    as: 'ann',
    key: 'k1',
    status: 200,
    calls: ['leave', 'sale'],
  },
  get('getAsyncapi', '/asyncapi.json', 'nobody'),
  get('getProof', `/v1/sales/${linedSaleId}/proof`, 'nobody', 'proof'),
  get('getReadiness', '/health/ready', 'nobody'),
];

/** Requests that carry the fields of a product may be larger than others. */
export const takesProduct = ({ id }: GoodRequest): boolean =>
  ['registerProduct', 'changeProduct'].includes(id);
