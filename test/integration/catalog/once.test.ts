// Keys of changes in the window: done once, answered again with the document of now, and nothing kept in clear.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetGuests, keysKeptHours } from '../../../catalog/guests.ts';
import { insertSale } from './database.ts';
import { addProduct, openWindow, tokenOf } from './window-server.ts';
import type { Told, WindowServer } from './window-server.ts';

let window: WindowServer;
beforeAll(async () => {
  window = await openWindow();
  for (const id of ['prd_a', 'prd_b']) {
    await addProduct(window.database.db, id);
    const sale = { id: `sal_${id}`, product: id, allotted: 50, price: 20_000, limit: 50 };
    await insertSale(window.database.db, sale);
  }
});
afterAll(() => window.close());

let made = 0;
const own = (what: string): string => `${what}_${(made += 1)}`;
const isReplay = ({ headers }: Told): boolean => headers.get('idempotent-replayed') === 'true';
const kept = async (shopper: string): Promise<number> => {
  const rows = await window.database.db.query('SELECT 1 FROM shop.requests WHERE shopper = $1', [
    shopper,
  ]);
  return rows.length;
};

const line = '/v1/cart/lines/prd_a';
const wish = '/v1/wishlist/prd_a';
const place = '/v1/me/addresses';

describe('the same request by the same key', () => {
  it.each([
    ['PUT', line, { quantity: 2 }, { quantity: 3 }],
    ['PUT', place, { country: 'DE', postal_code: '10115' }, { country: 'FR' }],
  ])('%s %s changes once, and is another with another body', async (method, path, body, other) => {
    const shopper = own('shp');
    const ask = (what: unknown, key?: string): Promise<Told> =>
      window.as(shopper, method, path, what, key);
    const first = await ask(body, 'k1');
    expect([first.status, isReplay(first)]).toEqual([200, false]);
    const again = await ask(body, 'k1');
    expect([again.status, isReplay(again)]).toEqual([200, true]);
    const reused = await ask(other, 'k1');
    expect([reused.status, reused.json['code']]).toEqual([422, 'idempotency_key_reused']);
    const changed = await ask(other, 'k2');
    // What was done since stays.
    const late = await ask(body, '"k1"');
    expect([isReplay(changed), isReplay(late)]).toEqual([false, true]);
    expect(late.json['lines'] ?? late.json['items']).toEqual(
      changed.json['lines'] ?? changed.json['items'],
    );
    expect(isReplay(await ask(body))).toBe(false);
    expect(await kept(shopper)).toBe(2);
  });

  it.each([line, wish])('PUT and DELETE of %s', async (path) => {
    const shopper = own('shp');
    const body = path === line ? { quantity: 1 } : undefined;
    const put = (key: string): Promise<Told> => window.as(shopper, 'PUT', path, body, key);
    const take = (key: string): Promise<Told> => window.as(shopper, 'DELETE', path, undefined, key);
    await put('k1');
    expect(isReplay(await take('k2'))).toBe(false);
    await put('k3');
    const again = await take('k2');
    expect(isReplay(again)).toBe(true);
    expect(again.json['lines'] ?? again.json['items']).toHaveLength(1);
    expect((await take('k1')).json['code']).toBe('idempotency_key_reused');
  });

  it('a merge adds once, also while another one runs', async () => {
    const [shopper, guest] = [own('shp'), own('gst')];
    await window.as(guest, 'PUT', line, { quantity: 2 });
    // One token: another second makes another one, and so another body.
    const body = { guest_token: tokenOf(guest) };
    const merge = (): Promise<Told> => window.as(shopper, 'POST', '/v1/cart/merge', body, 'k1');
    const told = await Promise.all([merge(), merge(), merge()]);
    expect(told.filter(isReplay)).toHaveLength(2);
    // Put again by the guest: the key has added what it adds.
    await window.as(guest, 'PUT', line, { quantity: 5 });
    const { json } = await merge();
    expect(json['lines']).toMatchObject([{ product_id: 'prd_a', quantity: 2 }]);
  });
});

describe('a key', () => {
  it('belongs to its caller and path', async () => {
    const [ann, ben] = [own('shp'), own('shp')];
    for (const [shopper, path] of [
      ...[[ann, line] as const, [ben, line] as const],
      [ann, '/v1/cart/lines/prd_b'] as const,
    ]) {
      const answer = await window.as(shopper, 'PUT', path, { quantity: 1 }, 'k1');
      expect([answer.status, isReplay(answer)]).toEqual([200, false]);
    }
  });

  it('is not kept by a refusal', async () => {
    const shopper = own('shp');
    const refused = await window.as(shopper, 'PUT', '/v1/wishlist/prd_none', undefined, 'k1');
    expect([refused.status, await kept(shopper)]).toEqual([404, 0]);
  });

  it('is forgotten after two days, and neither it nor a body is kept in clear', async () => {
    const shopper = own('shp');
    const { db } = window.database;
    await window.as(shopper, 'PUT', place, { country: 'DE', postal_code: '10999' }, 'my-own-key');
    const [row] = await db.query('SELECT * FROM shop.requests WHERE shopper = $1', [shopper]);
    expect(JSON.stringify(row)).not.toMatch(/my-own-key|10999/);
    expect(row).toMatchObject({ print: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    const age = (hours: number): Promise<number> =>
      db.run(
        `UPDATE shop.requests SET at = now() - make_interval(hours => $2) WHERE shopper = $1`,
        [...[shopper, hours]],
      );
    await age(keysKeptHours - 1);
    await forgetGuests(db);
    expect(await kept(shopper)).toBe(1);
    await age(keysKeptHours + 1);
    await forgetGuests(db);
    expect(await kept(shopper)).toBe(0);
  });
});
