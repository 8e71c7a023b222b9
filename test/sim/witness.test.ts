// The witness sees what does not hold while a run goes on: units, counts and limits broken in a lane's keys,
// and a rule that is broken in the script, by what the run says of a moment before its end.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scanLane } from '../../engine/audit/lane-scan.ts';
import type { SaleReading } from '../../engine/audit/records.ts';
import { saleOfTag } from '../../engine/audit/names.ts';
import { pack, unpack } from '../../engine/lanes/codec.ts';
import { pushSaleKeys } from '../../engine/lanes/keys.ts';
import { openLab, type Lab } from './lab.ts';
import { mutants } from './mutants.ts';
import { runSeed } from './run.ts';
import { judgeLane } from './witness.ts';

const lane = 0;
/** One of the first ends with units sold in lane 0. */
const seedsMax = 20;
const runsMs = 300_000;

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  for (let seed = 1; seed <= seedsMax && (await findSold()) === null; seed++) {
    await runSeed(lab, seed);
  }
}, runsMs);
afterAll(() => lab.close());

/** A sale of the lane of which units are sold; null = there is none. */
async function findSold(): Promise<SaleReading | null> {
  const { sales } = await scanLane(lab.redis, lane, null, () => undefined);
  return [...sales.values()].find(({ terms }) => (terms.items[0]?.sold ?? 0) > 0) ?? null;
}

/** The same, and its keys. */
async function soldOne(): Promise<{ sale: SaleReading; terms: string; returned: string }> {
  const sale = await findSold();
  if (sale === null) throw new Error('nothing is sold');
  const keys: string[] = [];
  pushSaleKeys(keys, lane, saleOfTag(sale.tag));
  const [terms = '', , , returned = ''] = keys;
  return { sale, terms, returned };
}

const wrongNow = async (): Promise<string> => (await judgeLane(lab.redis, lane)).wrong.join('\n');

/** Adds to one of the packed counts; the first two are of ends, the third is what is allotted. */
async function addToCount(key: string, at: number, by: number): Promise<void> {
  const packed = await lab.redis.hgetBuffer(key, 'n');
  const counts = unpack(packed ?? Buffer.alloc(0)) as number[];
  await lab.redis.hset(key, 'n', pack(counts.map((count, i) => (i === at ? count + by : count))));
}

it('finds nothing wrong in a lane that holds', async () => {
  await soldOne();
  expect(await wrongNow()).toBe('');
});

it('sees a unit that is neither free nor owned, for as long as it is', async () => {
  const { terms } = await soldOne();
  await addToCount(terms, 2, 1);
  expect(await wrongNow()).toMatch(/lane\.counters .* allotted/);
  await addToCount(terms, 2, -1);
  expect(await wrongNow()).toBe('');
});

it('sees a unit that is free and owned', async () => {
  const { sale, returned } = await soldOne();
  const owned = [...sale.orders.values()].find(({ state, item }) => state === 2 && item === 0);
  const unit = owned?.units[0] ?? 0;
  await lab.redis.zadd(returned, 100_000_000 + unit, `1:${unit}`);
  expect(await wrongNow()).toMatch(/lane\.unique .* is live in it and free/);
  await lab.redis.zrem(returned, `1:${unit}`);
});

it('sees more than the limit', async () => {
  const { sale, terms } = await soldOne();
  await lab.redis.hset(terms, 'limit', '0');
  expect(await wrongNow()).toMatch(/lane\.limits .* the limit is 0/);
  await lab.redis.hset(terms, 'limit', String(sale.terms.limit));
});

it(
  'sees it in a run',
  async () => {
    const oversells = mutants.find(({ name }) => name === 'what is free is not looked at');
    let seen = '';
    for (let one = 1; one <= seedsMax && seen === ''; one++) {
      const { wrong } = await runSeed(lab, one, null, oversells);
      seen = wrong.find((says) => /^lane \d+ at \d+ ms/.test(says)) ?? '';
    }
    expect(seen).not.toBe('');
  },
  runsMs,
);
