// From cart to order, over HTTP: the sale that the cart is priced by, once for each key.
import { beforeAll, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { SocketClient } from '../support/socket-client.ts';
import { details, Shop } from './shop.ts';
import type { Shopper } from './shop.ts';
import type { Answer } from './client.ts';

let shop: Shop;
let vendor: string;
beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});

const checkout = ({ token }: Shopper, what: object, key = ownName('key')): Promise<Answer> =>
  shop.ask('POST', '/v1/checkout', { token, key, body: { ...details, ...what } });

const put = ({ token }: Shopper, product: string, quantity: number): Promise<Answer> =>
  shop.must(200, 'PUT', `/v1/cart/lines/${product}`, { token, body: { quantity } });

const firstLine = (answer: Answer) => (answer.json['lines'] as Record<string, unknown>[])[0];

it('orders the cart at the price that it shows, once, and it can be paid at once', async () => {
  const product = await shop.product(vendor);
  const sale = await shop.sale(vendor, product, { allotted: 5, limit_per_shopper: 2 });
  await shop.isIn(sale, 'live');
  const ann = await shop.shopper();
  await until('the cart has the flash sale’s price', async () => {
    return firstLine(await put(ann, product, 2))?.['sale_id'] === sale;
  });
  const key = ownName('key');
  const made = await checkout(ann, { cart: true }, key);
  expect(made.status).toBe(201);
  expect(made.json).toMatchObject({
    state: 'held',
    amount: { amount: 20_000, currency: 'USD' },
    lines: [{ product_id: product, sale_id: sale }],
  });
  // Whatever the cart holds by now: the key stands for its order.
  await put(ann, await shop.product(vendor), 1);
  const again = await checkout(ann, { cart: true }, key);
  expect([again.status, again.text]).toEqual([201, made.text]);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  const reused = await checkout(ann, { lines: [{ product_id: product, quantity: 1 }] }, key);
  expect(reused.json['code']).toBe('idempotency_key_reused');
  const paid = await shop.pay(String(made.json['id']), ann, { method: { type: 'test' } });
  expect(paid.json).toMatchObject({ state: 'paid' });
});

it('orders more than a sale has left at the standing price, as the cart shows it', async () => {
  const product = await shop.product(vendor);
  const sale = await shop.sale(vendor, product, { allotted: 2, limit_per_shopper: 5 });
  await shop.isIn(sale, 'live');
  const ann = await shop.shopper();
  await until('the cart has the flash sale’s price for two', async () => {
    return firstLine(await put(ann, product, 2))?.['sale_id'] === sale;
  });
  const line = firstLine(await put(ann, product, 3));
  expect(line).toMatchObject({ available: true });
  const made = await checkout(ann, { cart: true });
  expect([made.status, made.json['amount']]).toEqual([201, line?.['amount']]);
  expect(made.json['lines']).toMatchObject([{ sale_id: line?.['sale_id'] }]);
  expect(line?.['sale_id']).not.toBe(sale);
});

it('holds nothing of what it refuses, and the key is free again', async () => {
  const product = await shop.product(vendor, { remaining_supply: 2 });
  const [ann, key] = [await shop.shopper(), ownName('key')];
  const lines = [{ product_id: product, quantity: 3 }];
  const refused = await checkout(ann, { lines }, key);
  expect([refused.status, refused.json['code']]).toEqual([409, 'sold_out']);
  expect(refused.json['errors']).toMatchObject([
    { line: 0, product_id: product, code: 'sold_out' },
  ]);
  expect(await shop.free(vendor, product)).toBe(2);
  await shop.must(200, 'PATCH', `/v1/products/${product}`, {
    token: vendor,
    body: { remaining_supply: 3 },
  });
  expect((await checkout(ann, { lines }, key)).status).toBe(201);
  const nobody = 'prd_0123456789abc';
  const unknown = await checkout(ann, { lines: [{ product_id: nobody, quantity: 1 }] });
  expect([unknown.status, unknown.json['code']]).toEqual([409, 'lines_refused']);
  expect(unknown.json['errors']).toEqual([{ line: 0, product_id: nobody, code: 'not_found' }]);
});

it('orders several products together, pays them together, and shows them as one order', async () => {
  const { near } = await shop.neighbours(vendor);
  const ann = await shop.shopper();
  for (const product of near) await put(ann, product, 2);
  const socket = await SocketClient.open(inject('stack').api, { token: ann.token });
  const key = ownName('key');
  const made = await checkout(ann, { cart: true }, key);
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  const lines = near.map((product_id) => ({ product_id, price: { amount: 20_000 } }));
  expect(made.json).toMatchObject({ state: 'held', amount: { amount: 80_000 }, lines });
  const id = String(made.json['id']);
  expect((await checkout(ann, { cart: true }, key)).text).toBe(made.text);
  expect(await socket.next('order')).toMatchObject({ id, state: 'held', lines });
  expect((await shop.order(id, ann)).json).toMatchObject({ state: 'held', lines });
  const paid = await shop.pay(id, ann, { method: { type: 'test' } });
  expect([paid.status, paid.json]).toMatchObject([200, { id, state: 'paid', lines }]);
  expect(await socket.next('order')).toMatchObject({ id, state: 'paid', lines });
  await until('the list has it once', async () => {
    const { json } = await shop.must(200, 'GET', '/v1/orders', { token: ann.token });
    const items = json['items'] as { id: string; state: string }[];
    return items.map((one) => `${one.id} ${one.state}`).join() === `${id} paid`;
  });
  for (const product of near) expect(await shop.free(vendor, product)).toBe(28);
  const other = await checkout(ann, { cart: true });
  const released = await socket.ask('cancel', { order: other.json['id'] });
  expect(released).toMatchObject({ ok: true, result: { state: 'released', units: [3, 4, 3, 4] } });
  for (const product of near) expect(await shop.free(vendor, product)).toBe(28);
  await socket.close();
});

it('names the products that keep an order from being held, and holds none of it', async () => {
  const { near, far } = await shop.neighbours(vendor);
  const [ann, key] = [await shop.shopper(), ownName('key')];
  const want = (...products: string[]) => ({
    lines: products.map((product_id) => ({ product_id, quantity: 1 })),
  });
  const [one, two] = near;
  const many = { product_id: two, quantity: 31 };
  const refused = await checkout(ann, { lines: [...want(one).lines, many] }, key);
  expect([refused.status, refused.json['code']]).toEqual([409, 'sold_out']);
  expect(refused.json['errors']).toEqual([
    { line: 1, product_id: two, code: 'sold_out', may_return: false },
  ]);
  const apart = await checkout(ann, want(one, two, far), key);
  expect([apart.status, apart.json['code']]).toEqual([422, 'unsupported']);
  expect(apart.json['errors']).toEqual([{ line: 2, product_id: far, code: 'unsupported' }]);
  for (const product of near) expect(await shop.free(vendor, product)).toBe(30);
  const held = await checkout(ann, want(one, two), key);
  expect(held.status).toBe(201);
  expect((await shop.release(String(held.json['id']), ann)).json).toMatchObject({
    ...{ state: 'released', lines: [{ product_id: one }, { product_id: two }] },
  });
  for (const product of near) expect(await shop.free(vendor, product)).toBe(30);
});

it('names all that is known to be in the way at once', async () => {
  const { near, far } = await shop.neighbours(vendor);
  const [one, two] = near;
  const delivery = { include: [{ country: 'FR' }] };
  const [away, nobody] = [await shop.product(vendor, { delivery }), 'prd_0123456789abc'];
  const line = (product_id: string | undefined, quantity = 1) => ({ product_id, quantity });
  const refused = await checkout(await shop.shopper(), {
    lines: [line(one), line(away), line(two, 31), line(nobody), line(far)],
  });
  expect([refused.status, refused.json['code']]).toEqual([422, 'undeliverable']);
  expect(refused.json['errors']).toEqual([
    { line: 1, product_id: away, code: 'undeliverable' },
    { line: 2, product_id: two, code: 'sold_out', may_return: false },
    { line: 3, product_id: nobody, code: 'not_found' },
    { line: 4, product_id: far, code: 'unsupported' },
  ]);
  for (const product of near) expect(await shop.free(vendor, product)).toBe(30);
});

it('orders nothing that is not delivered there', async () => {
  const delivery = { include: [{ country: 'FR' }] };
  const product = await shop.product(vendor, { delivery });
  const refused = await checkout(await shop.shopper(), {
    lines: [{ product_id: product, quantity: 1 }],
  });
  expect([refused.status, refused.json['code']]).toEqual([422, 'undeliverable']);
  expect(refused.json['errors']).toEqual([{ line: 0, product_id: product, code: 'undeliverable' }]);
  expect(await shop.free(vendor, product)).toBe(30);
});

it('keeps and pays for nothing that goes where it is not delivered', async () => {
  const delivery = { include: [{ country: 'FR' }, { country: 'DE', postal_prefixes: ['10'] }] };
  const product = await shop.product(vendor, { delivery });
  const sale = await shop.sale(vendor, product, { allotted: 5 });
  await shop.isIn(sale, 'live');
  const ann = await shop.shopper();
  const order = await shop.held(sale, ann);
  const to = (postal_code?: string) => ({
    email: details.email,
    address: { ...details.address, postal_code },
  });
  const change = (body: object) =>
    shop.ask('PATCH', `/v1/orders/${order}`, { token: ann.token, body });
  const key = ownName('pay');
  const method = { type: 'test' };
  const pay = (postal_code?: string) => shop.pay(order, ann, { method, ...to(postal_code) }, key);
  for (const refused of [await change(to()), await pay()]) {
    expect([refused.status, refused.json['code'], refused.json['param']]).toEqual([
      ...[422, 'undeliverable', 'address.postal_code'],
    ]);
  }
  for (const refused of [await change(to('80331')), await pay('80331')]) {
    expect([refused.status, refused.json['code'], refused.json['param']]).toEqual([
      ...[422, 'undeliverable', 'address'],
    ]);
    expect(refused.json['errors']).toEqual([{ product_id: product, code: 'undeliverable' }]);
  }
  expect((await shop.order(order, ann)).json).toMatchObject({ state: 'held', email: null });
  expect((await change(to('10115'))).status).toBe(200);
  const paid = await pay('10117');
  expect([paid.status, paid.json['state']]).toEqual([200, 'paid']);
  // The rules may be others by now: what was accepted is answered again.
  await shop.must(200, 'PATCH', `/v1/products/${product}`, {
    token: vendor,
    body: { delivery: { include: [{ country: 'FR' }] } },
  });
  const again = await pay('10117');
  expect([again.status, again.text]).toEqual([200, paid.text]);

  const saving = await shop.shopper();
  const other = await shop.held(sale, saving);
  const body = { email: details.email, ...to('80331').address };
  await shop.must(200, 'PUT', '/v1/me/addresses', { token: saving.token, body });
  const saved = await shop.pay(other, saving, { method });
  expect([saved.status, saved.json['code']]).toEqual([422, 'undeliverable']);
});

it('shows a vendor’s change in the window: a new price, then nothing', async () => {
  const product = await shop.product(vendor);
  const ann = await shop.shopper();
  await put(ann, product, 1);
  await shop.must(200, 'PUT', `/v1/wishlist/${product}`, { token: ann.token });
  await shop.must(200, 'PATCH', `/v1/products/${product}`, {
    token: vendor,
    body: { price_usd: 150, name: 'KUHL Laptop 2' },
  });
  await until('the page has the new name and price', async () => {
    const { json } = await shop.must(200, 'GET', `/v1/products/${product}`);
    const [sale] = json['sales'] as { price: { amount: number } }[];
    return json['name'] === 'KUHL Laptop 2' && sale?.price.amount === 15_000;
  });
  await until('cart and wishlist say so', async () => {
    const cart = await shop.must(200, 'GET', '/v1/cart', { token: ann.token });
    const wishes = await shop.must(200, 'GET', '/v1/wishlist', { token: ann.token });
    const [wish] = wishes.json['items'] as { price_dropped: boolean }[];
    const changed = firstLine(cart)?.['changed'] as string[];
    return changed.join() === 'price' && wish?.price_dropped === true;
  });
  await shop.must(200, 'DELETE', `/v1/products/${product}`, { token: vendor });
  await until('the page is gone', async () => {
    return (await shop.ask('GET', `/v1/products/${product}`)).status === 404;
  });
  const gone = await checkout(ann, { lines: [{ product_id: product, quantity: 1 }] });
  expect(gone.status).not.toBe(201);
});
