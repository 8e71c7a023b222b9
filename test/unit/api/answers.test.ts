// Good requests for every route: the status and the form that the table promises, and what the
// engine is asked in which order.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formats } from '../../../platform/http/formats.ts';
import type { JsonSchema } from '../../../platform/http/route.ts';
import { goodRequests } from './good-requests.ts';
import { routeTable, startHarness, tokens } from './harness.ts';
import type { Harness } from './harness.ts';
import { done, laneOrder, orderId, productId, saleId, vendorId } from './fake-engine.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
afterEach(() => {
  harness.calls.length = 0;
  harness.answers = {};
});

const ajv = new Ajv2020({ strict: false, allErrors: true, formats });
const table = routeTable();

/** The same schema, but nothing may be there that it does not name. */
function closed(schema: JsonSchema): JsonSchema {
  const copy: Record<string, unknown> = { ...schema };
  const { properties, items } = copy as { properties?: object; items?: JsonSchema };
  if (properties !== undefined) {
    copy['additionalProperties'] ??= false;
    const entries = Object.entries(properties) as [string, JsonSchema][];
    copy['properties'] = Object.fromEntries(entries.map(([name, s]) => [name, closed(s)]));
  }
  if (items !== undefined) copy['items'] = closed(items);
  return copy;
}

const named = goodRequests.map((good, i) => [`${good.id} ${i}`, good] as const);

describe.each(named)('%s', (_name, good) => {
  it('answers as the table says', async () => {
    const { as, key, body } = good;
    const answer = await harness.ask(good.method, good.path, {
      as,
      ...(key === undefined ? {} : { key }),
      ...(body === undefined ? {} : { body }),
    });
    expect({ status: answer.status, text: answer.text }).toMatchObject({ status: good.status });
    expect(answer.headers.get('content-type')).toBe('application/json');
    const schema = table.find(({ id }) => id === good.id)?.responses[good.status];
    expect(schema).toBeDefined();
    const check = ajv.compile(closed(schema ?? {}));
    expect({ fits: check(answer.json), errors: check.errors }).toEqual({
      fits: true,
      errors: null,
    });
    expect(harness.calls.map(([name]) => name)).toEqual(good.calls);
  });
});

describe('commands reach the engine whole', () => {
  it('a registration', async () => {
    const body = { name: 'A', description: '', price_usd: 1.5, remaining_supply: 3 };
    await harness.ask('POST', '/register-product', { as: 'vendor', key: 'k', body });
    expect(harness.calls).toEqual([
      [
        'register',
        {
          vendor: vendorId,
          body: { ...body, price: { amount: 150, currency: 'USD' } },
          supply: 3,
          idempotencyKey: 'k',
          fingerprint: '{"description":"","name":"A","price_usd":1.5,"remaining_supply":3}',
        },
      ],
    ]);
  });

  it('the registration of the seed, as it stands there', async () => {
    const text =
      '{"name":"KUHL Laptop","description":"A gaming laptop with 10 GB ram and 256 GB SSD",' +
      '"price_usd":200,"remaining_supply":30}';
    const answer = await harness.ask('POST', '/register-product', { as: 'vendor', body: text });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/v1/registrations/${productId}`);
    expect(harness.calls[0]?.[1]).not.toHaveProperty('idempotencyKey');
  });

  it('a hold', async () => {
    const path = `/v1/sales/${saleId}/holds`;
    await harness.ask('POST', path, { as: 'guest', key: '"quoted"', body: { quantity: 3 } });
    expect(harness.calls).toEqual([
      [
        'hold',
        {
          sale: saleId,
          shopper: 'gst_1',
          verified: false,
          quantity: 3,
          product: '',
          idempotencyKey: 'quoted',
        },
      ],
    ]);
  });

  it('a top-up', async () => {
    await harness.ask('POST', `/v1/sales/${saleId}/top-up`, { as: 'vendor', body: { units: 7 } });
    const what = { units: 7, product: null, newStock: false };
    expect(harness.calls[0]).toEqual(['topUp', vendorId, saleId, what]);
  });

  it('queries with their defaults', async () => {
    await harness.ask('GET', '/v1/sales');
    expect(harness.calls[0]).toEqual([
      'sales',
      { states: ['upcoming', 'live'], vendor: null, limit: 20, cursor: null },
    ]);
    harness.calls.length = 0;
    await harness.ask('GET', '/v1/vendor/sales?state=upcoming&limit=5&cursor=x', { as: 'vendor' });
    expect(harness.calls[0]).toEqual([
      'sales',
      { states: ['upcoming'], vendor: vendorId, limit: 5, cursor: 'x' },
    ]);
    harness.calls.length = 0;
    await harness.ask('GET', '/v1/orders', { as: 'ann' });
    expect(harness.calls[0]).toEqual(['orders', 'ann', { active: false, limit: 20, cursor: null }]);
  });
});

describe('POST holds', () => {
  const path = `/v1/sales/${saleId}/holds`;
  const hold = () => harness.ask('POST', path, { as: 'ann', key: 'k', body: { quantity: 2 } });

  it('answers as the contract shows', async () => {
    const answer = await hold();
    expect(answer.json).toEqual({
      id: orderId,
      state: 'held',
      units: [17, 18],
      amount: { amount: 19_900, currency: 'USD' },
      hold_expires_at: '2030-06-01T12:05:00.000Z',
      server_time: '2030-06-01T12:00:00.000Z',
      next_states: ['paid', 'released', 'expired'],
    });
    expect(answer.headers.has('idempotent-replayed')).toBe(false);
  });

  it('replays the answer of then, whatever became of the hold', async () => {
    const first = await hold();
    harness.answers = { hold: done({ ...laneOrder, state: 'expired' }, true) };
    const again = await hold();
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('sessions', () => {
  it('make shoppers that are known at once', async () => {
    for (const [path, prefix] of [
      ['/v1/sessions', 'shp_'],
      ['/v1/guest-sessions', 'gst_'],
    ] as const) {
      const answer = await harness.ask('POST', path);
      expect(answer.json['shopper_id']).toMatch(new RegExp(`^${prefix}[0-9a-z]{26}$`));
      expect(answer.json['expires_at']).toBe('2030-06-02T00:00:01.000Z');
      const authorization = `Bearer ${String(answer.json['token'])}`;
      const list = await harness.ask('GET', '/v1/orders', { as: { authorization } });
      expect(list.status).toBe(200);
      expect(harness.calls.at(-1)?.[1]).toBe(answer.json['shopper_id']);
    }
  });

  it('never make the same shopper twice, unless it is named', async () => {
    const ids = new Set<unknown>();
    for (let i = 0; i < 20; i += 1) {
      ids.add((await harness.ask('POST', '/v1/sessions')).json['shopper_id']);
    }
    expect(ids.size).toBe(20);
    const body = { shopper: 'Ann.2_:-' };
    const answer = await harness.ask('POST', '/v1/sessions', { body });
    expect(answer.json['shopper_id']).toBe('Ann.2_:-');
  });

  it('never name a guest', async () => {
    const answer = await harness.ask('POST', '/v1/sessions', { body: { shopper: 'gst_1' } });
    expect(answer.status).toBe(400);
  });
});

describe('what the table promises', () => {
  it('is said in /openapi.json, calendars included', async () => {
    const answer = await harness.ask('GET', '/openapi.json');
    expect(answer.status).toBe(200);
    const paths = answer.json['paths'] as Record<string, Record<string, unknown>>;
    for (const { method, path } of table) expect(paths[path]).toHaveProperty(method.toLowerCase());
    expect(paths['/v1/sales/{id}.ics']).toHaveProperty('get');
  });

  it('is shown by /docs', async () => {
    const answer = await harness.ask('GET', '/docs');
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('/register-product');
  });

  it('has ids that are unique', () => {
    const ids = table.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const lines = table.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe('lists of sales', () => {
  it('say whether they are as they were known last; a vendor’s own never is', async () => {
    harness.answers = { sales: { items: [], nextCursor: null, stale: true } };
    const everybodys = await harness.ask('GET', '/v1/sales');
    expect(everybodys.json).toEqual({ items: [], next_cursor: null, stale: true });
    const own = await harness.ask('GET', '/v1/vendor/sales', { as: 'vendor' });
    expect(own.json).toEqual({ items: [], next_cursor: null });
  });
});

describe('GET /v1/sales/{id}.ics', () => {
  it('is a calendar with the bell', async () => {
    const answer = await harness.ask('GET', `/v1/sales/${saleId}.ics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(answer.text.split('\r\n')).toEqual(
      expect.arrayContaining([
        'BEGIN:VEVENT',
        'DTSTART:20300601T120000Z',
        'DTEND:20300601T130000Z',
        'SUMMARY:Flash sale: KUHL Laptop',
      ]),
    );
    expect(answer.text.endsWith('END:VCALENDAR\r\n')).toBe(true);
  });

  it('is nothing for a sale that is none', async () => {
    harness.answers = { sale: null };
    expect((await harness.ask('GET', `/v1/sales/${saleId}.ics`)).status).toBe(404);
    expect((await harness.ask('GET', '/v1/sales/x.ics')).status).toBe(404);
  });
});

describe('tokens', () => {
  it('of a shopper open no vendor’s route and show nothing in its answer', async () => {
    const answer = await harness.ask('GET', '/v1/api-keys', {
      as: { authorization: `Bearer ${tokens.ann}` },
    });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain(tokens.ann);
  });
});
