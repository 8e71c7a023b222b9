/**
 * Tantivy and SQLite's FTS5 over the same products and queries, in one run with ours. They are
 * libraries in one process, asked one query after the other; ours is asked so too, over HTTP.
 */
import { execFile } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Generator } from '../../catalog/seed/generator.ts';
import { projectRoot } from '../../platform/config.ts';
import { Histogram } from '../client/histogram.ts';
import type { Say } from '../scenario.ts';
import { productId } from './stand.ts';

const run = promisify(execFile);
const tantivyVersion = '0.27.0';
const answerMaxBytes = 256 * 1024 * 1024;

export interface Peer {
  readonly name: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly latency: Histogram;
  /** Ids, ten at most, in the order of the queries. */
  readonly found: readonly (readonly string[])[];
}

interface Measured {
  readonly seconds: number;
  readonly bytes: number;
  readonly took_ms: readonly number[];
  readonly found: readonly (readonly string[])[];
}

/** Throws where Python 3 or its package registry cannot be had. */
export async function measurePeers(
  generator: Generator,
  products: number,
  queries: readonly string[],
  say: Say,
): Promise<Peer[]> {
  const python = await pythonWithTantivy();
  const folder = await mkdtemp(join(tmpdir(), 'highnoon-peers-'));
  try {
    const [file, asked] = [join(folder, 'products.ndjson'), join(folder, 'queries.json')];
    await writeProducts(generator, products, file);
    await writeFile(asked, JSON.stringify(queries));
    say('search: the same on Tantivy and SQLite FTS5');
    const script = join(projectRoot(), 'bench/search/peers.py');
    const { stdout } = await run(python, [script, file, asked, folder], {
      maxBuffer: answerMaxBytes,
    });
    const all = JSON.parse(stdout) as Readonly<Record<string, Measured>>;
    return Object.entries(all).map(([name, { took_ms: took, ...rest }]) => {
      const latency = new Histogram();
      for (const ms of took) latency.add(ms);
      return { name, latency, ...rest };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In the cache that clones share; made once. */
async function pythonWithTantivy(): Promise<string> {
  const cache = (await run('python3', ['-c', cacheFolder])).stdout.trim();
  const venv = join(cache, 'highnoon', `tantivy-${tantivyVersion}`);
  const python = join(venv, 'bin', 'python');
  const isThere = existsSync(python) && (await imports(python));
  if (isThere) return python;
  await mkdir(join(cache, 'highnoon'), { recursive: true });
  await run('python3', ['-m', 'venv', venv]);
  await run(python, ['-m', 'pip', 'install', '--quiet', `tantivy==${tantivyVersion}`]);
  return python;
}

const cacheFolder = `import os
print(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'))`;

const imports = (python: string): Promise<boolean> =>
  run(python, ['-c', 'import tantivy']).then(
    () => true,
    () => false,
  );

async function writeProducts(generator: Generator, products: number, path: string): Promise<void> {
  const file = createWriteStream(path);
  for (let number = 0; number < products; number += 1) {
    const { registration } = generator.product(number);
    const { name, brand, category, attributes, options, description } = registration;
    const line = {
      id: productId(number),
      name,
      brand: `${brand} ${category}`,
      facts: Object.values({ ...attributes, ...options }).join(' '),
      description,
    };
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}
