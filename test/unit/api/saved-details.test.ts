// Paying an order without details: the saved ones count, where both are whole, and only then.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { standInCatalog } from './catalog-stand-in.ts';
import type { StandIn } from './catalog-stand-in.ts';
import { done, laneOrder, noon, orderId } from './fake-engine.ts';
import { startHarness } from './harness.ts';
import type { Answer, Harness } from './harness.ts';

let catalog: StandIn;
let harness: Harness;
let saved: readonly [status: number, body: object];
let asked: (string | undefined)[] = [];

beforeAll(async () => {
  catalog = await standInCatalog((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization?.slice(0, 6)}`);
    response.writeHead(saved[0], { 'content-type': 'application/json' });
    response.end(JSON.stringify(saved[1]));
  });
  harness = await startHarness({}, catalog.url);
});
afterAll(async () => {
  await harness.close();
  catalog.close();
});
afterEach(() => {
  harness.answers = {};
  harness.calls.length = 0;
  asked = [];
});

const address = { name: 'Ann', line1: '1 High Street', city: 'Noonville', country: 'DE' };
const whole = { ...address, email: 'ann@example.com' };
const lacking = { kind: 'rejected', rejection: { code: 'details_required' }, now: noon };

const pay = (sent: object = {}): Promise<Answer> =>
  harness.ask('POST', `/v1/orders/${orderId}/pay`, {
    ...{ as: 'ann', key: 'k1', body: { method: { type: 'test' }, ...sent } },
  });
const names = () => harness.calls.map(([name]) => name);

it('nobody is asked while the order has its own', async () => {
  expect((await pay()).status).toBe(200);
  expect(asked).toEqual([]);
});

it('are stored for the order, which is then paid by the same key', async () => {
  saved = [200, { items: [whole], next_cursor: null }];
  harness.answers = {
    // The lane has them from the second time on.
    get pay() {
      return names().includes('storeDetails') ? done({ ...laneOrder, state: 'paid' }) : lacking;
    },
  };
  expect((await pay()).status).toBe(200);
  expect(asked).toEqual([
    '/v1/me/addresses Bearer',
    '/v1/delivery?product_id=prd_0123456789abc&country=DE Bearer',
  ]);
  expect(names()).toEqual(['pay', 'order', 'storeDetails', 'pay']);
  expect(harness.calls[2]?.slice(1)).toEqual([orderId, 'ann', { email: whole.email, address }]);
  expect(harness.calls[3]).toEqual(harness.calls[0]);
});

it.each([
  ['nothing', [], 'email'],
  ['only a place', [{ country: 'DE', postal_code: '10115' }], 'email'],
  ['no e-mail', [address], 'email'],
  ['no city', [{ ...whole, city: undefined }], 'address'],
])('%s is not enough', async (_, items, param) => {
  saved = [200, { items, next_cursor: null }];
  harness.answers = { pay: lacking };
  const answer = await pay();
  expect([answer.status, answer.json['code'], answer.json['param']]).toEqual([
    ...[422, 'details_required', param],
  ]);
  expect(names()).toEqual(['pay']);
});

it.each([
  ['an e-mail', { email: whole.email }, 'address'],
  ['an address', { address }, 'email'],
])('a change of %s alone names what an order lacks beside it', async (_, body, param) => {
  harness.answers = { storeDetails: lacking };
  const path = `/v1/orders/${orderId}`;
  const { status, json } = await harness.ask('PATCH', path, { as: 'ann', body });
  expect([status, json['code'], json['param']]).toEqual([422, 'details_required', param]);
});

const other = { ...address, line1: '2 Low Street' };

it.each([
  ['an e-mail', { email: 'new@example.com' }, { email: 'new@example.com', address }],
  ['an address', { address: other }, { email: whole.email, address: other }],
])('%s that is sent alone goes with what is saved of the rest', async (_, sent, stored) => {
  saved = [200, { items: [whole], next_cursor: null }];
  harness.answers = {
    // The order has none of its own: only both are taken.
    get storeDetails() {
      return names().includes('storeDetails') ? done(laneOrder) : lacking;
    },
    pay: done({ ...laneOrder, state: 'paid' }),
  };
  expect((await pay(sent)).status).toBe(200);
  expect(names().filter((name) => name !== 'order')).toEqual([
    ...['storeDetails', 'storeDetails', 'pay'],
  ]);
  const kept = harness.calls.findLast(([name]) => name === 'storeDetails');
  expect(kept?.slice(1)).toEqual([orderId, 'ann', stored]);
  expect(asked.filter((one) => one?.startsWith('/v1/me') === true)).toHaveLength(1);
  expect(asked.at(-1)).toMatch(/^\/v1\/delivery/);
});

it('what is sent alone needs no more than the order has', async () => {
  harness.answers = { pay: done({ ...laneOrder, state: 'paid' }) };
  expect((await pay({ email: 'new@example.com' })).status).toBe(200);
  expect([names(), asked]).toEqual([['storeDetails', 'pay'], []]);
});

it.each([
  ['an e-mail without an address', { email: 'new@example.com' }, [{ email: whole.email }]],
  ['an address without an e-mail', { address: other }, [address]],
])('%s anywhere is not enough', async (_, sent, items) => {
  saved = [200, { items, next_cursor: null }];
  harness.answers = { storeDetails: lacking };
  const answer = await pay(sent);
  expect([answer.status, answer.json['code']]).toEqual([422, 'details_required']);
  expect(names()).not.toContain('pay');
});

it('a saved address that nothing goes to is refused with what was sent', async () => {
  saved = [200, { items: [whole], next_cursor: null, deliverable: false }];
  harness.answers = { storeDetails: lacking };
  const answer = await pay({ email: 'new@example.com' });
  expect([answer.status, answer.json['code']]).toEqual([422, 'undeliverable']);
  expect(names()).toEqual(['storeDetails', 'order']);
});

it('what cannot be read is no refusal', async () => {
  saved = [503, {}];
  harness.answers = { pay: lacking };
  const answer = await pay();
  expect([answer.status, answer.json['code']]).toEqual([503, 'unavailable']);
});
