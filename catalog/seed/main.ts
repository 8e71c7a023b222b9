/**
 * `npm run seed`: fills the running shop through its front door, as vendors would, so that every
 * product can be found, delivered and bought: by imports, each vendor's products as a file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../platform/config.ts';
import { asker, atOnce } from './client.ts';
import type { Ask, Reply } from './client.ts';
import { createGenerator, soldIn } from './generator.ts';
import type { Generator } from './generator.ts';
import { readSources } from './sources.ts';

const usage = `npm run seed -- [options]

Registers generated products with the running stack: real categories, places and queries' words.
  --products N   how many; default 1000
  --seed N       another seed makes other products; default 1
  --sale         also a flash sale of one of them, 50 % off, at the next full minutes, with a line
  --stack DIR    folder of the running stack; default HIGHNOON_DIR, or .highnoon in the clone
`;

const rowsPerPart = 100_000;
const lookEveryMs = 500;
const askAgainMs = 1000;
const attemptsMax = 60;
const sayEveryMs = 2000;
const saleInMinutes = 2;
const productsMax = 10_000_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function createVendors(ask: Ask, { vendors }: Generator): Promise<string[]> {
  const keys: string[] = [];
  for (const { name } of vendors) {
    const { status, json } = await ask('/v1/vendors', { name }, {});
    const key = json['key'];
    if (typeof key !== 'string') throw new Error(`POST /v1/vendors answered ${status}`);
    keys.push(key);
  }
  return keys;
}

interface Shop {
  readonly ask: Ask;
  readonly generator: Generator;
  readonly keys: readonly string[];
  readonly currency: string;
}

/** Registers 0…count − 1, each vendor's as a file of its own. */
async function registerAll(shop: Shop, count: number): Promise<void> {
  const began = performance.now();
  let before = 0;
  for (let from = 0; from < count;) {
    // A variant follows its product, and has to be in its file: no part ends between the two.
    const to = Math.min(count, from + rowsPerPart + (from === 0 ? 1 : 0));
    const jobs = await importPart(shop, from, to);
    const say = (done: number): void => {
      const all = before + done;
      const rate = Math.round((all * 1000) / (performance.now() - began));
      print(`  ${all.toLocaleString('en')} of ${count.toLocaleString('en')} (${rate} a second)`);
    };
    await untilDone(shop, jobs, say);
    before += to - from;
    from = to;
  }
}

interface Job {
  readonly url: string;
  readonly key: string;
}

async function importPart({ ask, generator, keys, currency }: Shop, from: number, to: number) {
  const files = filesOf(generator, currency, from, to);
  const jobs: Job[] = [];
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [vendor, lines] = next;
      const key = keys[vendor] ?? '';
      const headers = { authorization: `Bearer ${key}`, 'idempotency-key': `seed-${from}` };
      const { status, json } = await ask('/v1/products/import', lines.join(''), headers);
      if (status !== 202) throw new Error(`an import was answered ${status}`);
      jobs.push({ url: String(json['status_url']), key });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return jobs;
}

/** By vendor; a variant names its product by the row before it. */
function filesOf(
  generator: Generator,
  currency: string,
  from: number,
  to: number,
): Map<number, string[]> {
  const files = new Map<number, string[]>();
  for (let number = from; number < to; number += 1) {
    const { vendor, variantOf, registration } = generator.product(number);
    const lines = files.get(vendor) ?? [];
    files.set(vendor, lines);
    const body = variantOf === null ? {} : { variant_of: `row:${lines.length}` };
    lines.push(`${JSON.stringify({ ...soldIn(currency, registration), ...body })}\n`);
  }
  return files;
}

async function untilDone({ ask }: Shop, jobs: readonly Job[], say: (done: number) => void) {
  for (let saidAt = performance.now(); ;) {
    let done = 0;
    let running = 0;
    for (const { url, key } of jobs) {
      const { json } = await ask(url, null, { authorization: `Bearer ${key}` });
      if (json['status'] === 'failed' || json['refused'] !== 0) {
        throw new Error(`an import went wrong: ${JSON.stringify(json).slice(0, 500)}`);
      }
      done += Number(json['done']);
      if (json['status'] === 'running') running += 1;
    }
    if (running === 0 || performance.now() - saidAt > sayEveryMs) {
      say(done);
      saidAt = performance.now();
    }
    if (running === 0) return;
    await sleep(lookEveryMs);
  }
}

interface SaleCandidate {
  readonly id: string;
  readonly key: string;
}

/** A product with units enough. */
async function candidateOf({ ask, keys }: Shop): Promise<SaleCandidate | null> {
  for (const key of keys) {
    const headers = { authorization: `Bearer ${key}` };
    const { json } = await ask('/v1/vendor/products?limit=100', null, headers);
    const items = json['items'] as readonly { readonly id: string; readonly supply: number }[];
    const found = items.find(({ supply }) => supply >= saleUnits);
    if (found !== undefined) return { id: found.id, key };
  }
  return null;
}

const saleUnits = 100;

/**
 * For anybody, and with a line, so that there is something to see before the bell. Its units are
 * there once the standing sale is open: until then it is asked again.
 */
async function openSale(api: string, ask: Ask, { id, key }: SaleCandidate): Promise<string> {
  const minute = 60_000;
  const starts = (Math.floor(Date.now() / minute) + saleInMinutes) * minute;
  const startsAt = new Date(starts).toISOString();
  const body = {
    ...{ product_id: id, allotted: saleUnits, discount_percent: 50, starts_at: startsAt },
    ...{ admission: { mode: 'queue' }, who: 'anyone' },
  };
  const headers = {
    authorization: `Bearer ${key}`,
    'idempotency-key': `seed-sale-${id}-${starts}`,
  };
  for (let attempt = 1; ; attempt += 1) {
    const { status, json } = await ask('/v1/sales', body, headers);
    if (status === 201) {
      const page = `${api}/sale.html?id=${String(json['id'])}`;
      return `A sale of ${saleUnits} units opens at ${startsAt}; before the bell, join its line at ${page}`;
    }
    if (attempt === attemptsMax) throw new Error(`POST /v1/sales answered ${status}`);
    await sleep(askAgainMs);
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      products: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      sale: { type: 'boolean', default: false },
      stack: { type: 'string', default: join(projectRoot(), '.highnoon') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const whole = (name: 'products' | 'seed', max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new Error(`--${name} is a whole number up to ${max}`);
  };
  return { ...values, products: whole('products', productsMax), seed: whole('seed', 2 ** 31) };
}

/** In what this shop counts: a cart that nobody has used says it. */
async function currencyOf(ask: Ask): Promise<string> {
  const { json: guest } = await ask('/v1/guest-sessions', {}, {});
  const authorization = `Bearer ${String(guest['token'])}`;
  const { status, json } = await ask('/v1/cart', null, { authorization });
  const { currency } = (json['total'] ?? {}) as { readonly currency?: string };
  if (currency === undefined) throw new Error(`GET /v1/cart answered ${status}`);
  return currency;
}

/** The key by which one of the vendors can be tried: that of `npm start` is another vendor's. */
function vendorLine({ generator, keys }: Shop, products: number): string {
  const { vendor } = generator.product(Math.max(0, products - 1));
  const name = generator.vendors[vendor]?.name ?? '';
  return `They belong to ${keys.length} vendors; to act as ${name}: authorization: Bearer ${keys[vendor] ?? ''}`;
}

function apiOf(dir: string): string {
  try {
    const stack = JSON.parse(readFileSync(join(dir, 'stack.json'), 'utf8')) as Reply['json'];
    if (typeof stack['api_url'] === 'string') return stack['api_url'];
  } catch {
    // Said below.
  }
  throw new Error(`No stack runs in ${dir}: start one with npm start.`);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const api = apiOf(options.stack);
  const ask = asker(api);
  const generator = createGenerator(options.seed, readSources());
  print(`Registering ${options.products.toLocaleString('en')} products, seed ${options.seed}:`);
  const keys = await createVendors(ask, generator);
  const shop = { ask, generator, keys, currency: await currencyOf(ask) };
  await registerAll(shop, options.products);
  print('All registered; they are listed as soon as their standing sales are open.');
  print(vendorLine(shop, options.products));
  const candidate = options.sale ? await candidateOf(shop) : null;
  if (candidate !== null) print(await openSale(api, ask, candidate));
  process.exit(0);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
