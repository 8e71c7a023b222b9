// The commands as an operator types them: what they say, how they end, and that what they make works.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { highnoon, runProgram } from '../support/command.ts';
import type { Ended } from '../support/command.ts';
import { ownName, until } from '../support/environment.ts';
import { Shop } from './shop.ts';
import type { Shopper } from './shop.ts';

const { dir } = inject('stack');
const onStack = { HIGHNOON_DIR: dir };
/** Where nothing runs. */
const nowhere = { HIGHNOON_DIR: join(dir, ownName('nothing')) };
const needStack = ['vendor create Bob', 'audit', 'recover'];

let listed: string[];

beforeAll(async () => {
  const { out } = await highnoon(['--help'], nowhere);
  listed = [...out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? '');
});

const jsonOf = ({ out }: Ended): Record<string, unknown> =>
  JSON.parse(out) as Record<string, unknown>;

/** A refusal: exit 2, said on stderr, and nothing that a script would read as a result. */
function expectRefused({ code, out, err }: Ended, ...says: readonly (string | RegExp)[]): void {
  expect({ code, out }).toEqual({ code: 2, out: '' });
  for (const one of says) expect(err).toMatch(one);
  expect(err).not.toMatch(/\bat \S+ \(|node:internal/);
}

describe('npx highnoon', () => {
  it('is found by npx in the clone', async () => {
    const { code, out } = await runProgram('npx', ['--no-install', 'highnoon', '--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('lists its commands, to who asks and to who does not know', async () => {
    expect(listed).toEqual(expect.arrayContaining(['vendor', 'audit', 'recover']));
    for (const asked of [['--help'], ['help']]) {
      const { code, out, err } = await highnoon(asked, nowhere);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      for (const name of listed) expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    expectRefused(await highnoon([], nowhere), 'Which command?', /^ {2}audit /m);
    for (const unknown of ['nothing', '__proto__']) {
      const refused = await highnoon([unknown], nowhere);
      expectRefused(refused, `${unknown} is not a command.`, /^ {2}audit /m);
    }
  });

  it('explains each of its commands without a stack', async () => {
    const all = await Promise.all(listed.map((name) => highnoon([name, '--help'], nowhere)));
    all.forEach(({ code, out, err }, i) => {
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out.startsWith(`highnoon ${listed[i] ?? ''}`)).toBe(true);
    });
  });

  it('refuses an option that a command does not have, with its usage', async () => {
    for (const name of listed.filter((one) => one !== 'rehearse')) {
      const refused = await highnoon([name, '--colour=red'], onStack);
      expectRefused(refused, '--colour', `highnoon ${name}`);
    }
  });

  it.each(needStack)('%s says that no stack runs, and how to start one', async (line) => {
    expectRefused(await highnoon(line.split(' '), nowhere), 'No stack runs in', 'npm start');
    expect(existsSync(nowhere.HIGHNOON_DIR)).toBe(false);
  });

  it('refuses each wrong variable by name, before it looks for a stack', async () => {
    const wrong = {
      PORT: 'abc',
      LANES: '0',
      KAFKA_BROKERS: 'here',
      DATABASE_URL: 'mysql://x',
      REDIS_URL: 'nonsense',
      RATE_LIMITS: 'sometimes',
    };
    const names = Object.keys(wrong).map((name) => new RegExp(`^ *${name}: "`, 'm'));
    expectRefused(await highnoon(['audit'], { ...nowhere, ...wrong }), ...names);
  });

  it('says which stores are missing when only some are named', async () => {
    const some = { ...onStack, REDIS_URL: 'redis://127.0.0.1:1' };
    expectRefused(await highnoon(['audit'], some), 'DATABASE_URL', 'KAFKA_BROKERS');
  });
});

describe('a process of ours', () => {
  it.each(['api', 'catalog', 'engine'])('of %s refuses a wrong variable by name', async (part) => {
    const { code, out, err } = await runProgram(process.execPath, [`dist/${part}/main.js`], {
      REDIS_URL: 'redis://127.0.0.1:1',
      DATABASE_URL: 'postgres://127.0.0.1:1/x',
      KAFKA_BROKERS: '127.0.0.1:1',
      PORT: '70000',
    });
    expect(code).not.toBe(0);
    expect(out + err).toMatch(/PORT: "70000"/);
    expect(out + err).not.toMatch(/node:internal/);
  });
});

describe('vendor create', () => {
  it('makes a vendor whose key opens the api', async () => {
    const made = await highnoon(['vendor', 'create', 'Bob & Söhne', '--json'], onStack);
    expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: '' });
    const { id, name, key, key_id } = jsonOf(made) as Record<string, string>;
    expect({ id, name }).toEqual({
      id: expect.stringMatching(/^ven_/) as string,
      name: 'Bob & Söhne',
    });
    const shop = await Shop.shared();
    const keys = await shop.must(200, 'GET', '/v1/api-keys', { token: key ?? '' });
    expect(keys.json['items']).toMatchObject([{ id: key_id }]);
  });

  it('shows the key once, to people too', async () => {
    const { code, out } = await highnoon(['vendor', 'create', 'Bob'], onStack);
    expect(code).toBe(0);
    expect(out).toMatch(/^vendor +ven_\w+\nAPI key +hnk_\w+\n\nThe key is shown only now\.\n$/);
  });

  it.each([
    ['no verb', ['vendor']],
    ['no name', ['vendor', 'create']],
    ['an empty name', ['vendor', 'create', ' ']],
    ['a long name', ['vendor', 'create', 'x'.repeat(201)]],
  ])('refuses %s', async (_what, args) => {
    expectRefused(await highnoon(args, onStack));
  });
});

describe('plan', () => {
  const asked = ['plan', '--shoppers', '2000', '--units', '100', '--rate', '20'];

  it('tells how a sale will be, without a stack, and the same to a script', async () => {
    const { code, out, err } = await highnoon(asked, nowhere);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^2,000 shoppers, 100 units, 20 turns a second\n/);
    const json = await highnoon([...asked, '--json'], nowhere);
    expect({ code: json.code, err: json.err }).toEqual({ code: 0, err: '' });
    const played = jsonOf(json) as Record<'admitted' | 'sold_out_seconds', number>;
    expect(played).toMatchObject({ shoppers: 2000, units: 100, rate: 20, sold: 100, buyers: 100 });
    expect(out).toContain(`${played.admitted} come to a turn, 100 buy: 5 % of all`);
    const minutes = Math.floor(Math.round(played.sold_out_seconds) / 60);
    expect(out).toMatch(new RegExp(`sold out after ${minutes} min \\d+ s, every unit paid for`));
  });

  it.each([
    ['nothing', ['plan'], '--shoppers is missing'],
    ['no rate', asked.slice(0, 5), '--rate is missing'],
    ['no shoppers', [...asked, '--shoppers', '0'], '--shoppers: 0 is not a whole number from 1 to'],
    ['half a unit', [...asked, '--units', '1.5'], '--units: 1.5 is not a whole number from 1 to'],
    ['a rate in words', [...asked, '--rate', 'fast'], '--rate: fast is not a number from 0.001 to'],
    ['a negative rate', [...asked, '--rate=-1'], '--rate: -1 is not a number from 0.001 to'],
    ['too much', [...asked, '--units', '1e99'], '--units: 1e99 is not a whole number from 1 to'],
    [
      'a share above one',
      [...asked, '--take-share', '2'],
      '--take-share: 2 is not a number from 0',
    ],
    ['more than options', [...asked, '3'], /'3'/],
  ])('refuses %s', async (_what, args, says) => {
    expectRefused(await highnoon(args, nowhere), says, /\n\nhighnoon plan --shoppers N /);
  });
});

describe('on a system at work', () => {
  let shop: Shop;
  let sale: string;
  let ann: Shopper;
  let order: string;

  beforeAll(async () => {
    shop = await Shop.shared();
    ann = await shop.shopper();
    sale = await shop.liveSale(await shop.vendor(), { allotted: 5 });
    order = await shop.held(sale, ann);
  });

  it('audit holds', async () => {
    const whole = await highnoon(['audit', '--json'], onStack);
    expect(whole.err).toBe('');
    expect({ code: whole.code, passed: jsonOf(whole)['passed'] }).toEqual({
      code: 0,
      passed: true,
    });
    const one = await highnoon(['audit', '--sale', sale], onStack);
    expect({ code: one.code, err: one.err }).toEqual({ code: 0, err: '' });
    expect(one.out).toContain('audit passed');
  });

  it('recover makes every lane again, and loses nothing', async () => {
    const recovered = await highnoon(['recover', '--json'], onStack);
    expect(recovered.err).toBe('');
    expect(recovered.code).toBe(0);
    const { lanes } = jsonOf(recovered) as { lanes: { lostAtLeast: number; frozen: string }[] };
    expect(lanes.length).toBeGreaterThan(0);
    for (const lane of lanes) expect(lane).toMatchObject({ lostAtLeast: 0, frozen: '' });
    await until('the order is paid', async () => {
      const { status } = await shop.pay(order, ann);
      return status === 200;
    });
    const audit = await highnoon(['audit'], onStack);
    expect(audit.out).toContain('audit passed');
    expect(audit.code).toBe(0);
  });
});

describe('npm run bench', () => {
  it.each([
    [['steady', 'micro'], 'one scenario at a time, not also micro'],
    [['steady', '--seconds', '0'], '--seconds is a whole number from 1 to 120, not 0'],
  ])('refuses %j before it has started a stack', async (args, says) => {
    const { code, out, err } = await runProgram(process.execPath, ['stack/bench.mjs', ...args]);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err).not.toMatch(/\bat \S+ \(|node:internal/);
    expect(out).not.toContain('Roles');
  });
});
