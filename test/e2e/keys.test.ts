// Vendors and their API keys: shown once, also to who asks twice; listed in pages; revoked at once.
import { beforeAll, describe, expect, it } from 'vitest';
import { ownName } from '../support/environment.ts';
import type { Answer } from './client.ts';
import { Shop, text } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await Shop.shared();
});

const createVendor = (key: string, name = 'Bob') =>
  shop.ask('POST', '/v1/vendors', { key, body: { name } });
const createKey = (token: string, key?: string) =>
  shop.ask('POST', '/v1/api-keys', { token, ...(key === undefined ? {} : { key }) });
const list = (token: string, query = '') => shop.ask('GET', `/v1/api-keys${query}`, { token });

const isReplay = ({ headers }: Answer): boolean => headers.get('idempotent-replayed') === 'true';

/** One of the answers shows the key, the others say that it was shown. */
function expectShownOnce(answers: readonly Answer[]): void {
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  const [shown, ...more] = answers.filter((answer) => !isReplay(answer));
  expect(more).toEqual([]);
  expect(shown?.json['key']).toMatch(/^hnk_/);
  for (const answer of answers.filter(isReplay)) {
    expect(answer.json).toEqual({ ...shown?.json, key: null });
  }
}

describe('a vendor', () => {
  it('is made once by a key, and its first API key shown once', async () => {
    const key = ownName('vendor');
    const answers = await Promise.all(Array.from({ length: 5 }, () => createVendor(key)));
    expectShownOnce([...answers, await createVendor(key)]);
    const shown = answers.find((answer) => !isReplay(answer));
    const keys = await list(text(shown?.json ?? {}, 'key'));
    expect(keys.json['items']).toMatchObject([{ id: shown?.json['key_id'], revoked_at: null }]);
    expect(keys.json['items']).toHaveLength(1);
  });

  it('of another name needs another key', async () => {
    const key = ownName('vendor');
    await createVendor(key);
    const answer = await createVendor(key, 'Bobby');
    expect(answer).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
  });

  it('may have the name of another', async () => {
    const [one, two] = [await shop.vendor(), await shop.vendor()];
    expect(one).not.toBe(two);
  });
});

describe('a further key', () => {
  it('is made once by an Idempotency-Key of its vendor, and shown once', async () => {
    const key = ownName('key');
    const [vendor, other] = [await shop.vendor(), await shop.vendor()];
    const answers = await Promise.all(Array.from({ length: 5 }, () => createKey(vendor, key)));
    expectShownOnce([...answers, await createKey(vendor, key)]);
    const theirs = await createKey(other, key);
    expectShownOnce([theirs]);
    expect(theirs.json['id']).not.toBe(answers[0]?.json['id']);
    expect((await list(vendor)).json['items']).toHaveLength(2);
  });

  it('is another each time without one', async () => {
    const vendor = await shop.vendor();
    const [one, two] = [await createKey(vendor), await createKey(vendor)];
    expect(one.json['id']).not.toBe(two.json['id']);
    expect(text(one, 'key')).not.toBe(text(two, 'key'));
  });

  it('is listed in pages, without itself', async () => {
    const vendor = await shop.vendor();
    const made = [await createKey(vendor), await createKey(vendor)];
    const found: unknown[] = [];
    let query: string | null = '?limit=1';
    for (let pages = 0; query !== null && pages < 5; pages += 1) {
      const { json, text: page }: Answer = await list(vendor, query);
      for (const { json: shown } of made) expect(page).not.toContain(shown['key']);
      found.push(...(json['items'] as unknown[]));
      const next = json['next_cursor'];
      query = typeof next === 'string' ? `?limit=1&cursor=${next}` : null;
    }
    const [, ...later] = found as { id: string; hint: string }[];
    expect(later).toMatchObject(
      made.map(({ json }) => ({ id: json['id'], hint: String(json['key']).slice(-4) })),
    );
  });

  it('of somebody else is no cursor', async () => {
    const [vendor, other] = [await shop.vendor(), await shop.vendor()];
    const cursor = text(await createKey(other), 'id');
    const answer = await list(vendor, `?cursor=${cursor}`);
    expect(answer).toMatchObject({ status: 400, json: { param: 'cursor' } });
  });

  it('opens nothing once it is revoked', async () => {
    const vendor = await shop.vendor();
    const { json } = await createKey(vendor);
    const [id, token] = [text(json, 'id'), text(json, 'key')];
    expect((await list(token)).status).toBe(200);
    const revoke = () => shop.ask('DELETE', `/v1/api-keys/${id}`, { token: vendor });
    expect((await revoke()).json).toEqual({ id, revoked: true });
    expect((await revoke()).json).toEqual({ id, revoked: true });
    expect(await list(token)).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
    expect((await list(vendor)).json['items']).toMatchObject([
      { revoked_at: null },
      { id, revoked_at: expect.stringMatching(/Z$/) as string },
    ]);
  });
});
