// Bad input for every route and field, over HTTP, to real processes: a documented problem of the
// right code and place, no trace of our insides, and nothing changed in any store.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { badValuesOf, textOf, withValue } from '../unit/api/bad-values.ts';
import { goodRequests, takesProduct } from '../unit/api/good-requests.ts';
import type { GoodRequest } from '../unit/api/good-requests.ts';
import { readContract } from './api/contract.ts';
import type { Contract } from './api/contract.ts';
import type { Answer, Asked } from './client.ts';
import { GoodWorld, idPattern } from './good-world.ts';
import { expectProblem, traces } from './problem.ts';
import { text } from './shop.ts';
import type { Shop } from './shop.ts';
import { Stores } from './untouched.ts';

const stores = new Stores(inject('stack').database);
let world: GoodWorld;
let shop: Shop;
let contract: Contract;
let before: object;

const lane = async (): Promise<object> => {
  const stats = await shop.stats(world.sale, world.vendor);
  return { ...stats, server_time: null, in_doubt: null };
};

beforeAll(async () => {
  world = await GoodWorld.make();
  shop = world.shop;
  contract = await readContract(inject('stack').api);
  before = { lane: await lane(), stores: await stores.snapshot(world.sale) };
});
afterAll(() => stores.close());

const made = (textWithIds: string): string => world.made(textWithIds);
const ask = (good: GoodRequest, more?: Asked): Promise<Answer> => world.ask(good, more);

const byName = goodRequests.map((good, i) => [`${good.id} ${i}`, good] as const);
const withBody = byName.filter(([, good]) => good.body !== undefined);

describe.each(withBody)('the body of %s', (_name, good) => {
  it('is refused with a bad value in any of its fields', async () => {
    for (const field of good.fields ?? []) {
      for (const { what, value, code } of badValuesOf(field)) {
        const body = made(textOf(withValue(good.body, field.path, value)));
        const answer = await ask(good, { body });
        const said = { field: field.path, what, answer: answer.text };
        const got = { ...said, status: answer.status, code: answer.json['code'] };
        expect(got).toEqual({ ...said, status: 400, code: code ?? 'invalid_request' });
        const [group] = field.path.split('.');
        expect(text(answer, 'param').split('.')[0]).toBe(group);
        expect(answer.text).not.toMatch(traces);
      }
    }
  });

  it('is refused without a field that it needs, and with one that is unknown', async () => {
    for (const name of good.required ?? []) {
      const body = made(textOf(withValue(good.body, name, undefined)));
      const answer = await ask(good, { body });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe(name);
    }
    const answer = await ask(good, { body: { ...(good.body as object), colour: 'red' } });
    expectProblem(answer, 400, 'unknown_field');
    expect(answer.json['param']).toBe('colour');
  });

  it('is refused when it is no JSON object, too deep or too large', async () => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    for (const body of ['{', ' ', '[]', '"a"', '7', 'null', '{"a":1}{', '\u00ff', deep]) {
      const answer = await ask(good, { body });
      expect(['invalid_request', 'unknown_field']).toContain(answer.json['code']);
      expect(answer.text).not.toMatch(traces);
    }
    const proto = `{"__proto__":{"a":1},${made(textOf(good.body)).slice(1)}`;
    expect((await ask(good, { body: proto })).status).toBe(400);
    const limit = takesProduct(good) ? 64 * 1024 : 16 * 1024;
    for (const length of [limit, 1024 * 1024 - 64]) {
      const padded = JSON.stringify({ x: 'x'.repeat(length) });
      expectProblem(await ask(good, { body: padded }), 413, 'too_large');
    }
  });

  it('is refused in another media type', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1']) {
      const answer = await ask(good, { headers: { 'content-type': type } });
      expectProblem(answer, 415, 'unsupported_media_type');
    }
  });
});

describe.each(byName)('%s', (_name, good) => {
  it('is refused for an id that is none, or not there', async () => {
    const id = idPattern.exec(good.path)?.[0];
    if (id === undefined) return;
    const [prefix = ''] = id.split('_');
    const gone = `${prefix}_${'7'.repeat(id.length - 4)}`;
    const wrong = ['x', 'sal_', gone, `${id.slice(0, -1)}!`, '..%2f..', '%00', '%ff', '%c0%af'];
    for (const other of [...wrong, 'x'.repeat(3000), '%27%20OR%201=1', '%7Blane:0%7D', '*']) {
      const answer = await ask({ ...good, path: good.path.replace(id, other) });
      const malformed = ['%00', '%ff', '%c0%af'].includes(other);
      const code = malformed ? 'invalid_request' : 'not_found';
      expectProblem(answer, malformed ? 400 : 404, code);
    }
  });

  it('is refused with a bad Idempotency-Key', async () => {
    const parameters = JSON.stringify(contract.operations.get(good.id)?.operation);
    if (!parameters.includes('"Idempotency-Key"')) return;
    for (const key of ['x'.repeat(256), '""', '"open', 'caf\u00e9s', 'a\tb']) {
      const answer = await ask(good, { key });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe('Idempotency-Key');
    }
    if (!parameters.includes('"idempotency_key_required"')) return;
    const { key: _key, ...keyless } = good;
    expectProblem(await ask(keyless), 400, 'idempotency_key_required');
  });

  it('is refused with a parameter that is unknown', async () => {
    const path = `${good.path}${good.path.includes('?') ? '&' : '?'}colour=red`;
    const answer = await ask({ ...good, path });
    expectProblem(answer, 400, 'unknown_field');
    expect(answer.json['param']).toBe('colour');
  });
});

describe('queries', () => {
  const lists = [
    ...(['/v1/sales', '/v1/vendor/sales', '/v1/schedules', '/v1/orders', '/v1/api-keys'] as const),
  ];

  it.each(lists)('%s refuses what is out of range, and never clamps', async (path) => {
    const token = path === '/v1/orders' ? world.ann.token : world.vendor;
    for (const limit of ['0', '-1', '101', '1.5', 'ten', '', '1e2', '9007199254740993', '%zz']) {
      const answer = await shop.ask('GET', `${path}?limit=${limit}`, { token });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe('limit');
    }
    const foreign = Buffer.from('1:sal_0').toString('base64url');
    for (const cursor of ['', '%00', 'a%20b', 'nonsense', foreign, 'x'.repeat(400)]) {
      const answer = await shop.ask('GET', `${path}?cursor=${cursor}`, { token });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe('cursor');
    }
    const twice = await shop.ask('GET', `${path}?limit=1&limit=2`, { token });
    expectProblem(twice, 400, 'invalid_request');
  });

  it('refuse a state that is none', async () => {
    for (const path of ['/v1/sales?state=closed', '/v1/sales?state=', '/v1/sales?state=live,x']) {
      expectProblem(await shop.ask('GET', path), 400, 'invalid_request');
    }
    for (const path of ['/v1/orders?state=paid', '/v1/orders?state=']) {
      expectProblem(
        await shop.ask('GET', path, { token: world.ann.token }),
        400,
        'invalid_request',
      );
    }
  });
});

describe('rules between fields', () => {
  const create = async (more: object) => {
    const body = { product_id: world.product, allotted: 1, ...more };
    return shop.ask('POST', '/v1/sales', { token: world.vendor, body });
  };
  const price = { amount: 100, currency: 'USD' };
  const item = (id: unknown) => ({ product_id: id, allotted: 1, discount_percent: 5 });

  it('of a sale', async () => {
    const { product } = world;
    const free = { product_id: undefined, allotted: undefined };
    for (const [more, param] of [
      [{}, 'price'],
      [{ price, discount_percent: 5 }, 'discount_percent'],
      [{ discount_percent: 100 }, 'discount_percent'],
      [{ price, limit_per_shopper: 1001 }, 'limit_per_shopper'],
      [{ price, hold_seconds: 3601 }, 'hold_seconds'],
      [{ price, allotted: 10_000_001 }, 'allotted'],
      [{ price, admission: { mode: 'queue', turn_seconds: 0 } }, 'admission.turn_seconds'],
      [{ price, admission: { mode: 'queue', factor: 0.5 } }, 'admission.factor'],
      [{ price, admission: { mode: 'open', rate_per_second: 5 } }, 'admission.rate_per_second'],
      [{ items: [item(product)] }, 'product_id'],
      [{ ...free, items: [] }, 'items'],
      [{ ...free, items: [item(product), item(product)] }, 'items.1.product_id'],
      [{ ...free, items: Array.from({ length: 51 }, () => item(product)) }, 'items'],
    ] as const) {
      const answer = await create(more);
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe(param);
    }
  });

  it('of a registration', async () => {
    const good = { name: 'a', description: '', remaining_supply: 1 };
    const nested = { a: { b: { c: { d: { e: {} } } } } };
    for (const [more, param] of [
      [{}, 'price_usd'],
      [{ price_usd: 1, price }, 'price_usd'],
      [{ price_usd: 1.005 }, 'price_usd'],
      [{ price_usd: 1, remaining_supply: 10_000_001 }, 'remaining_supply'],
      [{ price_usd: 1, attributes: nested }, 'attributes'],
      [{ price_usd: 1, attributes: { a: 'x'.repeat(16 * 1024) } }, 'attributes'],
      [{ price_usd: 1, attributes: { a: 'a\u0000b' } }, 'attributes.a'],
      [{ price_usd: 1, delivery: { eta_days: [4, 2] } }, 'delivery.eta_days'],
    ] as const) {
      const body = { ...good, ...more };
      const answer = await shop.ask('POST', '/register-product', { token: world.vendor, body });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.json['param']).toBe(param);
    }
  });
});

it('says of every path which methods it does not take', async () => {
  const taken = new Map<string, Set<string>>();
  for (const { path, method } of contract.operations.values()) {
    taken.set(path, (taken.get(path) ?? new Set()).add(method.toUpperCase()));
  }
  for (const [path, methods] of taken) {
    // The calendar's path is one of the sale's as far as the router knows.
    if (path.endsWith('.ics')) continue;
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (methods.has(method)) continue;
      const answer = await shop.ask(method, path.replace(/\{\w+\}/g, 'anything'));
      // `/v1/orders/lookup` and the like also fit the pattern of an id.
      if (answer.status !== 405) continue;
      expectProblem(answer, 405, 'method_not_allowed');
      for (const known of methods) expect(answer.headers.get('allow')).toContain(known);
    }
  }
  for (const path of [
    '/nothing',
    '/v1',
    '/v1/nothing',
    '/V1/sales',
    '/v1/sales//holds',
    '/v1/sales/',
  ]) {
    expectProblem(await shop.ask('GET', path), 404, 'not_found');
  }
});

it('has changed nothing', async () => {
  // Vendors and keys of this file were made before; nothing else runs on this stack now.
  expect({ lane: await lane(), stores: await stores.snapshot(world.sale) }).toEqual(before);
});
