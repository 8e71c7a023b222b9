// Schedules of a running stack: occurrences, their calendars, the fence by the opener, the ends of both.
import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/environment.ts';
import type { Answer } from './client.ts';
import { Shop, text } from './shop.ts';

let shop: Shop;
let vendor: string;
let product: string;
const minuteMs = 60_000;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  product = await shop.product(vendor);
});

const create = (schedule: object, key?: string): Promise<Answer> =>
  shop.create(vendor, { product_id: product, allotted: 40, discount_percent: 50, schedule }, key);

const asVendor = (method: string, path: string): Promise<Answer> =>
  shop.ask(method, path, { token: vendor });

describe('a schedule', () => {
  it('makes the sales of seven days, replays, is read and ended', async () => {
    const schedule = { local_time: '12:00', time_zone: 'Asia/Kolkata', rrule: 'FREQ=DAILY' };
    const made = await create(schedule, 'daily');
    expect(made.status).toBe(201);
    const id = text(made, 'schedule_id');
    const sales = made.json['sales'] as Record<string, unknown>[];
    expect(sales).toHaveLength(7);
    for (const sale of sales) {
      expect(sale['state']).toBe('scheduled');
      expect(sale['starts_at']).toMatch(/T06:30:00.000Z$/);
      const calendar = await shop.ask('GET', `/v1/sales/${String(sale['id'])}.ics`);
      const start = String(sale['starts_at']).replace(/[-:]|\.\d{3}/g, '');
      expect(calendar.text).toContain(`DTSTART:${start}\r\n`);
    }
    const again = await create(schedule, 'daily');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json['schedule_id']).toBe(id);
    expect((await create({ ...schedule, local_time: '13:00' }, 'daily')).json['code']).toBe(
      'idempotency_key_reused',
    );
    const known = await asVendor('GET', `/v1/schedules/${id}`);
    expect(known.json).toMatchObject({ state: 'active', rrule: 'FREQ=DAILY' });
    const ended = await asVendor('DELETE', `/v1/schedules/${id}`);
    expect(ended.json).toMatchObject({ state: 'cancelled', next_starts_at: null });
    for (const sale of sales) {
      const gone = await asVendor('DELETE', `/v1/sales/${String(sale['id'])}`);
      expect(gone).toMatchObject({ status: 200, json: { state: 'cancelled' } });
    }
  });

  it('whose bell is near is fenced by the opener, smaller than asked, and its vendor reads it', async () => {
    const at = new Date(Date.now() + 5 * minuteMs).toISOString();
    const made = await create({
      local_time: at.slice(11, 19),
      time_zone: 'UTC',
      dates: [at.slice(0, 10)],
    });
    const [sale] = made.json['sales'] as { id: string }[];
    await until('it is fenced', async () => {
      const list = await asVendor('GET', '/v1/vendor/sales?state=upcoming&limit=100');
      const own = (list.json['items'] as Record<string, unknown>[]).find(
        (s) => s['id'] === sale?.id,
      );
      return (own?.['notice'] as { code?: string } | undefined)?.code === 'smaller_than_asked';
    });
    const open = await shop.ask('GET', `/v1/sales/${sale?.id ?? ''}`);
    expect(open.json).toMatchObject({ state: 'scheduled', items: [{ allotted: 30 }] });
    expect(open.json).not.toHaveProperty('notice');
  });

  it('is found again by its vendor, page by page, and by nobody else', async () => {
    const own = await shop.vendor();
    const mine = await shop.product(own);
    const schedule = { local_time: '12:00', time_zone: 'UTC', rrule: 'FREQ=DAILY' };
    const body = { product_id: mine, allotted: 1, discount_percent: 50, schedule };
    const made: string[] = [];
    for (let n = 0; n < 3; n += 1) made.push(text(await shop.create(own, body), 'schedule_id'));
    await shop.must(200, 'DELETE', `/v1/schedules/${made[1] ?? ''}`, { token: own });
    const list = (query: string) => shop.must(200, 'GET', `/v1/schedules${query}`, { token: own });
    const first = await list('?limit=2');
    expect(first.json['items']).toMatchObject([
      {
        id: made[0],
        state: 'active',
        time_zone: 'UTC',
        next_starts_at: expect.stringMatching(/T12:00:00/) as string,
      },
      { id: made[1], state: 'cancelled', next_starts_at: null },
    ]);
    const { json } = await list(`?limit=2&cursor=${text(first, 'next_cursor')}`);
    expect(json).toMatchObject({ items: [{ id: made[2] }], next_cursor: null });
    const others = (await asVendor('GET', '/v1/schedules')).json['items'] as { id: string }[];
    expect(others.filter(({ id }) => made.includes(id))).toEqual([]);
  });

  it.each([
    [{ local_time: '12:00', time_zone: 'Asia/Kolkata' }, 'schedule.rrule'],
    [{ local_time: '12:00', time_zone: 'Asia/Kolkata', rrule: 'FREQ=HOURLY' }, 'schedule.rrule'],
    [{ local_time: '12:00', time_zone: 'Asia/Kolkata', dates: ['2020-01-01'] }, 'schedule.dates.0'],
    [
      { local_time: '25:00', time_zone: 'Asia/Kolkata', dates: ['2031-01-01'] },
      'schedule.local_time',
    ],
    [{ local_time: '12:00', time_zone: 'Mars/Base', dates: ['2031-01-01'] }, 'schedule.time_zone'],
  ])('%j is refused by name', async (schedule, param) => {
    expect(await create(schedule)).toMatchObject({
      status: 400,
      json: { code: 'invalid_request', param },
    });
  });
});
