// A vendor imports a file: over HTTP, through a worker that is killed in the middle, to the pages.
import { connect } from 'node:net';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { until } from '../support/environment.ts';
import { expectProblem } from './problem.ts';
import { mustPidOf } from './running.ts';
import { Shop } from './shop.ts';

const { api } = inject('stack');
let shop: Shop;
let vendor: string;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});

interface Job {
  readonly status: string;
  readonly rows: number;
  readonly done: number;
  readonly refused: number;
  readonly errors: readonly { readonly row: number; readonly code: string }[];
  readonly errors_cut: boolean;
}

async function send(body: RequestInit['body'], headers: Record<string, string> = {}, query = '') {
  const response = await fetch(`${api}/v1/products/import${query}`, {
    ...{ method: 'POST', body, duplex: 'half' },
    headers: {
      authorization: `Bearer ${vendor}`,
      'content-type': 'application/x-ndjson',
      ...headers,
    },
  } as RequestInit);
  const text = await response.text();
  const json = JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, json };
}

const jobAt = async (url: string): Promise<Job> =>
  (await shop.must(200, 'GET', url, { token: vendor })).json as unknown as Job;

async function ended(url: string): Promise<Job> {
  await until(`${url} has ended`, async () => (await jobAt(url)).status !== 'running', 120_000);
  return jobAt(url);
}

const line = (n: number): string =>
  `${JSON.stringify({ name: `Imported ${n}`, description: 'x'.repeat(300), price_usd: 3, remaining_supply: 2 })}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, i) => line(i)).join('');

const ownNames = async (token: string): Promise<string[]> =>
  (await ownProducts(token)).map(({ name }) => name);

async function ownProducts(token: string): Promise<{ id: string; name: string }[]> {
  const found: { id: string; name: string }[] = [];
  for (let cursor = ''; ;) {
    const page = await shop.must(200, 'GET', `/v1/vendor/products?limit=100${cursor}`, { token });
    const { items, next_cursor: next } = page.json as {
      items: readonly { id: string; name: string }[];
      next_cursor: string | null;
    };
    found.push(...items);
    if (next === null) return found;
    cursor = `&cursor=${next}`;
  }
}

describe('an import', () => {
  it('is answered with a job, and ends as pages of products', async () => {
    const answer = await send(`${line(1)}{"name":\n${line(3)}`);
    expect(answer.status).toBe(202);
    const url = String(answer.json['status_url']);
    expect(answer.headers.get('location')).toBe(url);
    const job = await ended(url);
    expect(job).toMatchObject({ status: 'done', rows: 3, done: 3, refused: 1, errors_cut: false });
    expect(job.errors).toMatchObject([{ row: 2, code: 'invalid_request' }]);
    const products = await shop.must(200, 'GET', '/v1/vendor/products', { token: vendor });
    const [{ id } = { id: '' }] = products.json['items'] as readonly { id: string }[];
    await until('its page is there', async () => {
      const page = await shop.ask('GET', `/v1/products/${id}`);
      return page.status === 200 && page.json['availability'] === 'in_stock';
    });
  });

  it('may be a table, or only tried', async () => {
    const table = 'name,price_usd,remaining_supply\nCup,1,1\n"Half\n';
    const tried = await send(table, { 'content-type': 'text/csv; charset=UTF-8' }, '?dry_run=true');
    const before = await ownNames(vendor);
    const job = await ended(String(tried.json['status_url']));
    expect(job).toMatchObject({ status: 'done', rows: 2, done: 2, refused: 1 });
    expect(await ownNames(vendor)).toEqual(before);
  });

  it('is replayed by its key', async () => {
    const key = { 'idempotency-key': `import-${Date.now()}` };
    const [first, again] = [await send(line(1), key), await send(line(1), key)];
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expectProblem(await refused(line(2), key), 422, 'idempotency_key_reused');
  });
});

/** As the problem checks want it. */
async function refused(body: string, headers: Record<string, string>, query = '') {
  const { status, headers: got, json, text } = await send(body, headers, query);
  return { status, headers: got, json, text } as Parameters<typeof expectProblem>[0];
}

describe('what is not to be imported', () => {
  it.each([
    [{ 'content-type': 'application/json' }, '', 415, 'unsupported_media_type'],
    [{ 'content-type': 'text/csv; charset=latin1' }, '', 415, 'unsupported_media_type'],
    [{ 'content-encoding': 'gzip' }, '', 415, 'unsupported_media_type'],
    [{ authorization: 'Bearer hnk_unknown_key' }, '', 401, 'unauthenticated'],
    [{}, '?dry_run=perhaps', 400, 'invalid_request'],
    [{}, '?dry=true', 400, 'unknown_field'],
  ] as const)('%j %s', async (headers, query, status, code) => {
    expectProblem(await refused(lines(1000), headers, query), status, code);
  });

  it('is empty, larger than 256 MB, or cut', async () => {
    // Of no vendor whose last import may still be under way.
    vendor = await shop.vendor();
    expectProblem(await refused('', {}), 400, 'invalid_request');
    const { hostname, port } = new URL(api);
    const begin = (length: number) => {
      const socket = connect(Number(port), hostname);
      socket.write(
        `POST /v1/products/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${vendor}\r\n` +
          `Content-Type: application/x-ndjson\r\nContent-Length: ${length}\r\n\r\n`,
      );
      return socket;
    };
    const large = begin(256 * 1024 * 1024 + 1);
    const head = await new Promise<string>((resolve) => {
      large.once('data', (data) => resolve(data.toString()));
    });
    expect(head).toMatch(/^HTTP\/1.1 413/);
    large.destroy();
    const before = await ownNames(vendor);
    const cut = begin(1_000_000);
    await new Promise((resolve) => cut.write(lines(1000), resolve));
    cut.destroy();
    // What comes after it is taken after it.
    const whole = await send(line(7));
    expect(await ended(String(whole.json['status_url']))).toMatchObject({ done: 1, refused: 0 });
    expect((await ownNames(vendor)).sort()).toEqual([...before, 'Imported 7'].sort());
  });

  it('is somebody else’s business', async () => {
    const made = await send(line(1));
    const url = String(made.json['status_url']);
    const token = await shop.vendor();
    expectProblem(await shop.ask('GET', url, { token }), 404, 'not_found');
    expectProblem(await shop.ask('GET', '/v1/jobs/job_nothing00', { token }), 404, 'not_found');
    expect((await shop.ask('GET', url)).status).toBe(401);
  });
});

it('a worker that is killed in the middle loses no row and makes none twice', async () => {
  vendor = await shop.vendor();
  const count = 3000;
  const made = await send(lines(count));
  expect(made.status).toBe(202);
  const url = String(made.json['status_url']);
  await until('it is under way', async () => (await jobAt(url)).done > 0);
  process.kill(mustPidOf('worker'), 'SIGKILL');
  expect(await ended(url)).toMatchObject({ status: 'done', rows: count, done: count, refused: 0 });
  const products = await ownProducts(vendor);
  expect(products).toHaveLength(count);
  expect(new Set(products.map(({ name }) => name)).size).toBe(count);
  // Every one of them can be bought in the end; who registers meanwhile waits behind them.
  for (const { id } of products) {
    await until(
      `${id} is listed`,
      async () => {
        const status = await shop.must(200, 'GET', `/v1/registrations/${id}`, { token: vendor });
        return status.json['status'] === 'listed';
      },
      180_000,
    );
  }
}, 400_000);
