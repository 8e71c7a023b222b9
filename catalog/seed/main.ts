/**
 * `npm run seed`: fills the running shop through its front door, as vendors would, so that every
 * product can be found, delivered and bought. The same seed again registers nothing twice.
 */
import { Agent, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../platform/config.ts';
import { createGenerator } from './generator.ts';
import type { Generator } from './generator.ts';
import { readSources } from './sources.ts';

const usage = `npm run seed -- [options]

Registers generated products with the running stack: real categories, places and queries' words.
  --products N   how many; default 1000
  --seed N       another seed makes other products; default 1
  --sale         also a flash sale of one of them, 50 % off, at the next full minutes
  --stack DIR    folder of the running stack; default .highnoon
`;

const atOnce = 48;
const askAgainMs = 1000;
const attemptsMax = 60;
const sayEveryMs = 2000;
const saleInMinutes = 2;
const productsMax = 10_000_000;

interface Reply {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

type Post = (
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
) => Promise<Reply>;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Asks again, with the same key, where that is what the answer says. */
function poster(apiUrl: string): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const once: Post = (path, body, headers) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const length = String(Buffer.byteLength(text));
      const sent = request(new URL(path, apiUrl), {
        ...{ agent, method: 'POST' },
        headers: { ...headers, 'content-type': 'application/json', 'content-length': length },
      });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        let read = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (read += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, json: JSON.parse(read) as Reply['json'] });
        });
      });
      sent.end(text);
    });
  return async (path, body, headers) => {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await once(path, body, headers).catch(() => null);
      if (reply !== null && reply.status !== 503 && reply.status !== 429) return reply;
      if (attempt === attemptsMax) throw new Error(`POST ${path}: no answer`);
      await sleep(askAgainMs);
    }
  };
}

async function createVendors(post: Post, { vendors }: Generator): Promise<string[]> {
  const keys: string[] = [];
  for (const { name } of vendors) {
    const { status, json } = await post('/v1/vendors', { name }, {});
    const key = json['key'];
    if (typeof key !== 'string') throw new Error(`POST /v1/vendors answered ${status}`);
    keys.push(key);
  }
  return keys;
}

interface Shop {
  readonly post: Post;
  readonly generator: Generator;
  readonly keys: readonly string[];
  readonly seed: number;
}

/** Registers 0…count − 1; resolves with what may be sold in a sale. */
async function registerAll(shop: Shop, count: number): Promise<SaleCandidate | null> {
  const ids = new Map<number, Promise<string>>();
  let next = 0;
  let done = 0;
  let candidate: SaleCandidate | null = null;
  const began = performance.now();
  const say = (): void => {
    const rate = Math.round((done * 1000) / (performance.now() - began));
    print(`  ${done.toLocaleString('en')} of ${count.toLocaleString('en')} (${rate} a second)`);
  };
  const timer = setInterval(say, sayEveryMs);
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next;
      next += 1;
      const id = registerOne(shop, number, ids);
      ids.set(number, id);
      // Variants ask for the product before them only.
      ids.delete(number - 2 * atOnce);
      const product = shop.generator.product(number);
      if (candidate === null && product.registration.remaining_supply >= saleUnits) {
        candidate = { id: await id, key: shop.keys[product.vendor] ?? '' };
      }
      await id;
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    clearInterval(timer);
  }
  say();
  return candidate;
}

async function registerOne(
  { post, generator, keys, seed }: Shop,
  number: number,
  ids: ReadonlyMap<number, Promise<string>>,
): Promise<string> {
  const { vendor, variantOf, registration } = generator.product(number);
  const parent = variantOf === null ? undefined : await ids.get(variantOf);
  const body = parent === undefined ? registration : { ...registration, variant_of: parent };
  const headers = {
    authorization: `Bearer ${keys[vendor] ?? ''}`,
    'idempotency-key': `seed-${seed}-${number}`,
  };
  const { status, json } = await post('/register-product', body, headers);
  const id = json['id'];
  if (status !== 202 || typeof id !== 'string') {
    throw new Error(`product ${number} was answered ${status}: ${JSON.stringify(json)}`);
  }
  return id;
}

interface SaleCandidate {
  readonly id: string;
  readonly key: string;
}

const saleUnits = 100;

/** Its units are there once the standing sale is open: until then it is asked again. */
async function openSale(post: Post, { id, key }: SaleCandidate): Promise<string> {
  const minute = 60_000;
  const starts = (Math.floor(Date.now() / minute) + saleInMinutes) * minute;
  const startsAt = new Date(starts).toISOString();
  const body = { product_id: id, allotted: saleUnits, discount_percent: 50, starts_at: startsAt };
  const headers = {
    authorization: `Bearer ${key}`,
    'idempotency-key': `seed-sale-${id}-${starts}`,
  };
  for (let attempt = 1; ; attempt += 1) {
    const { status, json } = await post('/v1/sales', body, headers);
    if (status === 201) return `sale ${String(json['id'])} of ${saleUnits} units at ${startsAt}`;
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
  const post = poster(apiOf(options.stack));
  const generator = createGenerator(options.seed, readSources());
  print(`Registering ${options.products.toLocaleString('en')} products, seed ${options.seed}:`);
  const keys = await createVendors(post, generator);
  const candidate = await registerAll(
    { post, generator, keys, seed: options.seed },
    options.products,
  );
  print('All registered; they are listed as soon as their standing sales are open.');
  if (options.sale && candidate !== null) print(await openSale(post, candidate));
  process.exit(0);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
