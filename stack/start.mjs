/**
 * `npm start`: installs what is missing, starts everything and stays up until it is told to stop.
 */
import './base/preflight.mjs';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArgs } from './base/args.mjs';
import { exitCode, messageOf, report } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { identify } from './base/proc.mjs';
import { prepare } from './install.mjs';
import { AlreadyRunning, startStack, stopAll } from './stack.mjs';

const usage = `
npm start: installs what is missing, starts Redis, Postgres, Kafka and every role, and stays up.
Ctrl-C stops all that it started. Data stays in .highnoon/ (npm run reset deletes it).

Configured by environment variables only: PORT, CATALOG_PORT, OPS_PORT, REDIS_URL, DATABASE_URL,
KAFKA_BROKERS, ROLES, LANES and more (docs/operating.md).
`;

const requestMs = 5_000;
const shopProducts = 300;
const seed = {
  name: 'KUHL Laptop',
  description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
  price_usd: 200,
  remaining_supply: 30,
};

/** @param {string} line */
const print = (line) => process.stdout.write(`${line}\n`);

/** @param {string} file */
function readKey(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * The development vendor's key: the one of the last start if it still opens the door.
 * @param {string} api @param {string} dir @returns {Promise<string>}
 */
async function vendorKey(api, dir) {
  const file = join(dir, 'vendor.key');
  const known = readKey(file);
  const signal = AbortSignal.timeout(requestMs);
  const headers = { authorization: `Bearer ${known}` };
  if (known && (await fetch(`${api}/v1/api-keys`, { headers, signal })).ok) return known;
  const response = await fetch(`${api}/v1/vendors`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Demo vendor' }),
    signal,
  });
  const text = await response.text();
  const key = /hnk_[A-Za-z0-9_.-]+/.exec(text)?.[0];
  if (!key) throw new Error(`POST /v1/vendors answered ${response.status}`);
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

/** @param {Awaited<ReturnType<typeof startStack>>} stack @param {number} began */
async function greet(stack, began) {
  const { urls, dir } = stack;
  print(`\nHighnoon is ready (${((performance.now() - began) / 1000).toFixed(1)} s).\n`);
  const lines = {
    shop: urls.api && urls.catalog && `${urls.api}/`,
    api: urls.api && `${urls.api}/docs`,
    catalog: urls.catalog,
    operators: urls.ops && `${urls.ops}/metrics`,
    redis: urls.redis,
    postgres: urls.database?.replace(/:[^:@/]*@/, ':…@'),
    kafka: urls.kafka,
    'all of it': join(dir, 'stack.json'),
    logs: join(dir, 'logs'),
  };
  for (const [name, value] of Object.entries(lines)) {
    if (value) print(`  ${name.padEnd(10)} ${value}`);
  }
  if (urls.api) await tryIt(urls.api, dir);
  if (urls.api && urls.catalog) await offerShop(stack, urls.catalog);
  print('\nCtrl-C stops everything.');
}

/** @param {string} api @param {string} dir */
async function tryIt(api, dir) {
  try {
    const key = await vendorKey(api, dir);
    print(`  vendor key ${key}\n\nRegister a product:\n`);
    print(`  curl -i ${api}/register-product -H 'Authorization: Bearer ${key}' \\`);
    print(`    -H 'Content-Type: application/json' -d '${JSON.stringify(seed)}'`);
  } catch (error) {
    print(`\nNo vendor was made (${messageOf(error)}); npx highnoon vendor create NAME makes one.`);
  }
}

/**
 * A newcomer's empty shop is filled with a few products and a sale, beside what is printed.
 * @param {Awaited<ReturnType<typeof startStack>>} stack @param {string} catalog
 */
async function offerShop(stack, catalog) {
  if (stack.env.NODE_ENV === 'production' || !(await isEmpty(catalog))) return;
  print(`\nThe shop is empty: ${shopProducts} products and a sale come in now. For more of them:`);
  print('  npm run seed -- --products 100000');
  const args = ['--products', String(shopProducts), '--sale', '--stack', stack.dir];
  const child = spawn(process.execPath, [join(root, 'dist/catalog/seed/main.js'), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.on('error', (error) => print(`The shop stays empty: ${error.message}`));
  const identity = child.pid === undefined ? null : identify(child.pid);
  if (identity) stack.alsoEnd(identity);
}

/** @param {string} catalog @returns {Promise<boolean>} false when it cannot be said */
async function isEmpty(catalog) {
  try {
    const signal = AbortSignal.timeout(requestMs);
    const answer = await fetch(`${catalog}/v1/search?limit=1`, { signal });
    return answer.ok && (await answer.json()).total === 0;
  } catch {
    return false;
  }
}

/** Says where the first start runs. @param {AlreadyRunning} first @returns {number} the exit code */
function tellFirst(first) {
  print(first.message);
  if (!first.running) return exitCode.failed;
  const { api_url: api, catalog_url: catalog, ops_url: ops } = first.running;
  for (const [name, url] of Object.entries({ api, catalog, operators: ops })) {
    if (url) print(`  ${name.padEnd(10)} ${url}`);
  }
  return exitCode.ok;
}

const began = performance.now();
let stopping = false;
onInterrupt((why) => {
  stopping = true;
  print(`\nStopping (${why}) …`);
  void stopAll().then(() => {
    print('Stopped.');
    process.exit(exitCode.ok);
  });
});

try {
  readArgs({ usage });
  const stack = await startStack({ ports: 'env', log: print, before: prepare });
  await greet(stack, began);
} catch (error) {
  // What fails because it is being stopped is no news; the end of the stop is the end of us.
  if (!stopping) process.exit(error instanceof AlreadyRunning ? tellFirst(error) : report(error));
}
