// Who may ask what, over every route: no other identity opens it, and what belongs to somebody else
// is answered like what is not there, to the last byte.
import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createDb } from '../../platform/postgres/pool.ts';
import { goodRequests } from '../unit/api/good-requests.ts';
import type { GoodRequest } from '../unit/api/good-requests.ts';
import { readContract } from './api/contract.ts';
import type { Named } from './api/contract.ts';
import { Client } from './client.ts';
import type { Answer } from './client.ts';
import { GoodWorld, idPattern } from './good-world.ts';
import { expectProblem } from './problem.ts';
import { text } from './shop.ts';
import type { Shop, Shopper } from './shop.ts';

type Need = 'vendor' | 'shopper';

let world: GoodWorld;
let shop: Shop;
let other: { vendor: string; shopper: Shopper; guest: Shopper };
let secret: string;
let revoked: string;

beforeAll(async () => {
  world = await GoodWorld.make();
  shop = world.shop;
  const [vendor, shopper, guest] = [await shop.vendor(), await shop.shopper(), await shop.guest()];
  other = { vendor, shopper, guest };
  secret = await tokenSecret();
  const { json } = await shop.must(201, 'POST', '/v1/api-keys', { token: world.vendor });
  revoked = text(json, 'key');
  await shop.must(200, 'DELETE', `/v1/api-keys/${text(json, 'id')}`, { token: world.vendor });
});

async function tokenSecret(): Promise<string> {
  const db = createDb(inject('stack').database, { max: 1, name: 'e2e' });
  const [row] = await db.query<{ value: string }>(
    `SELECT value FROM platform.settings WHERE name = 'token_secret'`,
  );
  await db.close();
  return row?.value ?? '';
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed by the deployment's own secret, unless said otherwise. */
function signed(
  claims: object,
  header: object = { alg: 'HS256', typ: 'JWT' },
  by = secret,
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', by).update(input).digest('base64url')}`;
}

/** One character in the middle of a part becomes its neighbour. */
function flipped(token: string, part: number): string {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part] ?? '', 'base64url');
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return parts.map((old, i) => (i === part ? bytes.toString('base64url') : old)).join('.');
}

function badTokens(): Record<string, string> {
  const { token } = world.ann;
  const [head = '', body = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  const seconds = Math.floor(Date.now() / 1000);
  return {
    expired: signed({ ...claims, iat: seconds - 7200, exp: seconds - 3600 }),
    'not valid yet': signed({ ...claims, nbf: seconds + 3600 }),
    'without an end': signed({ ...claims, exp: undefined }),
    'for others': signed({ ...claims, aud: 'others' }),
    'of another issuer': signed({ ...claims, iss: 'others' }),
    'of nobody': signed({ ...claims, sub: undefined }),
    'wrongly signed': signed(claims, undefined, `${secret}x`),
    'signed by nothing': signed(claims, undefined, 'x'),
    'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
    'alg none, signed': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.${signature}`,
    'alg RS256 by the secret': signed(claims, { alg: 'RS256', typ: 'JWT' }),
    'cut by a character': token.slice(0, -1),
    'cut by half': token.slice(0, token.length >> 1),
    'without its signature': `${head}.${body}.`,
    'in two parts': `${head}.${body}`,
    'flipped in its head': flipped(token, 0),
    'flipped in its claims': flipped(token, 1),
    'flipped in its signature': flipped(token, 2),
    'with more behind': `${token}A`,
    'a vendor’s key': world.vendor,
  };
}

function badKeys(): Record<string, string> {
  const { vendor } = world;
  return {
    'a shopper’s token': world.ann.token,
    'a guest’s token': other.guest.token,
    unknown: `hnk_${'0'.repeat(vendor.length - 4)}`,
    revoked,
    'cut by a character': vendor.slice(0, -1),
    'with more behind': `${vendor}0`,
    'in capitals': vendor.toUpperCase(),
    'without its prefix': vendor.slice(4),
    'changed at its end': vendor.slice(0, -1) + (vendor.endsWith('0') ? '1' : '0'),
    'with SQL': `${vendor}'--`,
  };
}

const malformed = (good: string): readonly (string | undefined)[] => [
  undefined,
  '',
  'Bearer',
  'Bearer ',
  good,
  `Basic ${good}`,
  `Bearer ${good} ${good}`,
  `Bearer: ${good}`,
];

function needOf({ operation }: Named): Need | null {
  const [scheme] = operation.security ?? [];
  if (scheme === undefined) return null;
  return 'vendorKey' in scheme ? 'vendor' : 'shopper';
}

/** Both halves check for themselves: the window must work with the api dead. */
describe.each(['api', 'catalog'] as const)('every route of %s that needs an identity', (half) => {
  let client: Client;
  let closed: readonly Named[];

  beforeAll(async () => {
    const url = inject('stack')[half];
    client = await Client.to(url);
    closed = [...(await readContract(url)).operations.values()].filter(
      (operation) => needOf(operation) !== null,
    );
    expect(closed.length).toBeGreaterThan(8);
  });

  it('is closed to everything that is none, with one answer', async () => {
    for (const operation of closed) {
      const vendors = needOf(operation) === 'vendor';
      const bad = Object.entries(vendors ? badKeys() : badTokens());
      const headers = [
        ...malformed(vendors ? world.vendor : world.ann.token).map((h) => [h, h] as const),
        ...bad.map(([what, bearer]) => [what, `Bearer ${bearer}`] as const),
      ];
      const path = operation.path.replace(/\{\w+\}/g, 'anything');
      for (const [what, authorization] of headers) {
        const sent = authorization === undefined ? {} : { authorization };
        const answer = await client.ask(operation.method.toUpperCase(), path, { headers: sent });
        const said = { what, method: operation.method, path };
        expect({ ...said, status: answer.status }).toEqual({ ...said, status: 401 });
        expectProblem(answer, 401, 'unauthenticated');
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    }
  });

  it('is closed before anything else of the request is looked at', async () => {
    for (const { method, path } of closed) {
      if (method === 'get' || method === 'delete') continue;
      const asked = { body: '{', headers: { 'content-type': 'text/plain' } };
      const anything = `${path.replace(/\{\w+\}/g, '%00')}?x=1`;
      const answer = await client.ask(method.toUpperCase(), anything, asked);
      expectProblem(answer, 401, 'unauthenticated');
    }
  });
});

const named = goodRequests.map((good, i) => [`${good.id} ${i}`, good] as const);
const owned = named.filter(
  ([, { as, path, id }]) => as !== 'nobody' && idPattern.test(path) && id !== 'holdUnits',
);

const withoutRequestId = ({ text: all }: Answer): string =>
  all.replace(/"request_id":"[^"]+"/, '"request_id":""');

/** The same request for something that looks as good and is not there. */
function nowhere(good: GoodRequest): GoodRequest {
  return { ...good, path: good.path.replace(idPattern, (id) => goneOf(id)) };
}

/** Of the same lane, where an id names one. */
const goneOf = (id: string): string => `${id.slice(0, 9)}${'7'.repeat(id.length - 9)}`;

describe('what belongs to somebody else', () => {
  it.each(owned)('is not there for %s', async (_name, good) => {
    const own = good.as === 'ann';
    const strangers = own ? [other.shopper.token, other.guest.token] : [other.vendor];
    const missing = await world.ask(nowhere(good));
    expectProblem(missing, 404, 'not_found');
    for (const token of strangers) {
      const answer = await world.ask(good, { token });
      expectProblem(answer, 404, 'not_found');
      expect(withoutRequestId(answer)).toBe(withoutRequestId(missing));
      expect(Object.fromEntries(answer.headers)).toMatchObject({ 'cache-control': 'no-store' });
    }
  });

  it('cannot be named in a body', async () => {
    const { product, sale } = world;
    for (const id of [product, goneOf(product)]) {
      const body = { product_id: id, allotted: 1, discount_percent: 50 };
      const asked = { token: other.vendor, body };
      expectProblem(await shop.ask('POST', '/v1/sales', asked), 404, 'not_found');
      const more = { name: 'a', description: '', price_usd: 1, remaining_supply: 1 };
      const variant = { token: other.vendor, body: { ...more, variant_of: id } };
      expectProblem(await shop.ask('POST', '/register-product', variant), 404, 'not_found');
    }
    const theirs = await shop.product(other.vendor);
    const answers = [theirs, goneOf(theirs)].map(async (product_id) => {
      const body = { units: 1, product_id };
      return shop.ask('POST', `/v1/sales/${sale}/top-up`, { token: world.vendor, body });
    });
    const [foreign, none] = await Promise.all(answers);
    expect(foreign?.status).toBeGreaterThanOrEqual(400);
    expect(foreign?.json).toEqual({ ...none?.json, request_id: foreign?.json['request_id'] });
  });

  it('is in no list', async () => {
    for (const [path, token] of [
      ['/v1/orders', other.shopper.token],
      ['/v1/orders', other.guest.token],
      ['/v1/vendor/sales', await shop.vendor()],
    ] as const) {
      expect((await shop.must(200, 'GET', path, { token })).json['items']).toEqual([]);
    }
    const keys = await shop.must(200, 'GET', '/v1/api-keys', { token: other.vendor });
    expect(keys.json['items']).toHaveLength(1);
  });
});

describe('a guest', () => {
  it('may hold in a sale for anyone, and not in one for verified shoppers', async () => {
    const { guest } = other;
    expectProblem(await shop.hold(world.sale, guest), 403, 'forbidden');
    const open = await shop.standingSaleOf(world.product);
    const order = text(await shop.hold(open, guest), 'id');
    expect((await shop.order(order, guest)).status).toBe(200);
    expectProblem(await shop.order(order, other.shopper), 404, 'not_found');
    expect((await shop.pay(order, guest)).json['state']).toBe('paid');
  });
});
