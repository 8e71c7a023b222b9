// What others subscribe to: every message that a real stack has put on its topics so far is one that
// /asyncapi.json knows, those of a sale with all that happens to it among them.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { unpack } from '../../engine/lanes/codec.ts';
import { formats } from '../../platform/http/formats.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import { ownName, silent, until } from '../support/environment.ts';
import { inMs, Shop, type Shopper } from './shop.ts';

const kafka = createKafka({
  brokers: inject('stack').kafka.split(','),
  clientId: ownName('e2e'),
  log: silent,
});
const ajv = new Ajv2020({ strict: false, formats });

interface Documented {
  readonly contentType: string;
  readonly payload: ValidateFunction;
  readonly headers: ValidateFunction | null;
}

interface Document {
  readonly channels: Readonly<
    Record<string, { address: string; messages: Readonly<Record<string, { $ref: string }>> }>
  >;
  readonly components: {
    readonly messages: Readonly<
      Record<string, { contentType: string; payload: object; headers?: object }>
    >;
  };
}

let shop: Shop;
let vendor: string;
let known: ReadonlyMap<string, Documented>;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  const { json } = await shop.must(200, 'GET', '/asyncapi.json');
  const { channels, components } = json as unknown as Document;
  known = new Map(
    Object.values(channels).flatMap(({ address, messages }): [string, Documented][] => {
      const [only] = Object.values(messages);
      const name = only?.$ref.split('/').at(-1) ?? '';
      const message = components.messages[name];
      if (message === undefined || address.startsWith('/')) return [];
      const headers = message.headers === undefined ? null : ajv.compile(message.headers);
      const { contentType, payload } = message;
      return [[address, { contentType, payload: ajv.compile(payload), headers }]];
    }),
  );
});
afterAll(() => kafka.close());

/** All that is wrong on a topic; `take` sees every message that is read. */
async function wrongOn(
  topic: string,
  take: (key: string, value: unknown) => boolean,
): Promise<string[]> {
  const documented = known.get(topic);
  if (documented === undefined) return [`${topic} is not documented`];
  const { contentType, payload, headers } = documented;
  const wrong: string[] = [];
  for (const [partition, { low, high }] of (await kafka.ends(topic)).entries()) {
    await kafka.read(topic, partition, low, high, (message) => {
      const { key, value } = message;
      const isPacked = contentType === 'application/msgpack';
      const read: unknown = isPacked ? unpack(value) : parsed(value);
      if (!take(key?.toString() ?? '', read)) return;
      if (!payload(read)) {
        wrong.push(`${topic}: ${ajv.errorsText(payload.errors)}: ${JSON.stringify(read)}`);
      }
      if (headers !== null && !headers(message.headers)) {
        wrong.push(`${topic}: headers: ${ajv.errorsText(headers.errors)}`);
      }
    });
  }
  return wrong.slice(0, 3);
}

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return null;
  }
}

type Groups = readonly (readonly [sale: string, events: readonly (readonly unknown[])[]])[];

/** Of an entry: version, epoch, sequence, lane time, before, count, groups, outage. */
const groupsOf = (entry: unknown): Groups => (entry as readonly unknown[])[6] as Groups;

const control = (sale: string, what: string, body?: object) =>
  shop.command('POST', `/v1/sales/${sale}/${what}`, {
    token: vendor,
    ...(body === undefined ? {} : { body }),
  });

/** A sale with a line, with nearly everything that can happen to one. */
async function wholeSale(product: string): Promise<string> {
  const admission = { mode: 'queue', turn_seconds: 60 };
  const starts_at = inMs(60_000);
  const sale = await shop.sale(vendor, product, { allotted: 3, admission, starts_at });
  const change = { token: vendor, body: { starts_at: inMs(2500), limit_per_shopper: 2 } };
  await shop.command('PATCH', `/v1/sales/${sale}`, change);
  const [ann, bob, cyd] = [await shop.shopper(), await shop.shopper(), await shop.shopper()];
  const tickets = `/v1/sales/${sale}/tickets`;
  for (const { token } of [ann, bob, cyd]) {
    await shop.must(201, 'POST', tickets, { token, key: ownName('join') });
  }
  await shop.must(200, 'DELETE', `${tickets}/me`, { token: cyd.token, key: ownName('leave') });
  await shop.isIn(sale, 'live');
  const order = await heldOnTurn(sale, ann);
  await shop.pay(order, ann);
  const other = await heldOnTurn(sale, bob);
  await shop.must(200, 'DELETE', `/v1/orders/${other}`, { token: bob.token });
  await control(sale, 'pause');
  await control(sale, 'resume');
  await control(sale, 'top-up', { units: 2, new_stock: true });
  await control(sale, 'close');
  await shop.isIn(sale, 'closed');
  return sale;
}

/** Whoever waits holds once it is their turn. */
async function heldOnTurn(sale: string, shopper: Shopper): Promise<string> {
  let order = '';
  await until('the turn has come', async () => {
    const { status, json } = await shop.hold(sale, shopper);
    if (status === 201) order = String(json['id']);
    return status === 201;
  });
  return order;
}

it('every message is one that /asyncapi.json knows', async () => {
  const product = await shop.product(vendor);
  const change = { token: vendor, body: { description: 'Lighter' } };
  await shop.must(200, 'PATCH', `/v1/products/${product}`, change);
  const sale = await wholeSale(product);
  const types = new Set<unknown>();
  let closed = false;
  const orders = await wrongOn('orders', (_lane, entry) => {
    for (const [id, events] of groupsOf(entry)) {
      if (id !== sale) continue;
      for (const [type] of events) {
        types.add(type);
        closed ||= type === 'closed';
      }
    }
    return true;
  });
  expect(orders).toEqual([]);
  expect(closed).toBe(true);
  expect([...types]).toEqual(
    expect.arrayContaining(
      ['installed', 'changed', 'moved', 'opened', 'bell', 'joined', 'left', 'numbers'].concat([
        'admitted',
        'held',
        'paid',
        'released',
        'paused',
        'resumed',
        'closed',
      ]),
    ),
  );
  // Other tests put on these what is no message of ours.
  const isOwn = (key: string): boolean => key === product;
  expect(await wrongOn('new-product', isOwn)).toEqual([]);
  await until('the change is announced', async () => {
    let seen = false;
    const wrong = await wrongOn('catalog-changes', (key) => {
      seen ||= isOwn(key);
      return isOwn(key);
    });
    expect(wrong).toEqual([]);
    return seen;
  });
  expect(await wrongOn('order-updates', () => true)).toEqual([]);
  expect(await wrongOn('sale-notices', () => true)).toEqual([]);
}, 60_000);

it('a message that no subscriber can take becomes a dead letter as documented', async () => {
  const producer = await kafka.producer();
  const key = ownName('product');
  await producer.send('new-product', [{ key, value: 'no JSON' }]);
  await producer.close();
  await until('it is a dead letter', async () => {
    let seen = false;
    const wrong = await wrongOn('new-product.dlq', (of) => {
      seen ||= of === key;
      return of === key;
    });
    expect(wrong).toEqual([]);
    return seen;
  });
});
