// `npx highnoon verify`: the proof of a real draw holds, from a file and from a server; receipts too.
// What was tampered with is named, and ends with 1.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proofText } from '../../../api/proof-json.ts';
import type { LineTicket } from '../../../engine/domain/line/types.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { receiptKeys } from '../../../engine/lanes/receipt.ts';
import { drawOrder, resultOf } from '../../../engine/line/draw.ts';
import { readProof } from '../../../engine/line/proof.ts';
import { chain, genesisMs, periodMs } from '../../../engine/line/quicknet.ts';
import { highnoon, type Ended } from '../../support/command.ts';
import { publishedRound } from '../../support/quicknet-round.ts';
import { WorldLine } from '../../support/world-line.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let sale: string;
let folder: string;
let proof: string;
let commitment: string;
let server: Server;
let url: string;
/** What the server answers instead of the proof; `first` = to who asks for the first time. */
let served: string;
let first: string | null = null;
let servedWith = 200;
/** What the server says of the sale. */
let mode = 'queue';
const tickets: LineTicket[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  const shop = new WorldShop(world);
  const line = new WorldLine(world, shop);
  const vendor = await shop.vendor();
  const { id: product } = await shop.product(vendor, 100);
  sale = await line.sale(vendor, [{ product, allotted: 2, price: 100 }], []);
  for (let i = 0; i < 9; i++) tickets.push(await line.join(sale, `s${i}`));
  const [row] = await world.db.query<{ commitment: string }>(
    `SELECT 'sha256:' || encode(sha256(seed), 'hex') AS commitment FROM sale.sales WHERE id = $1`,
    [sale],
  );
  commitment = row?.commitment ?? '';
  await line.open(sale);
  await line.admit(sale, 1);
  const [winner] = await line.byNumber(
    sale,
    tickets.map((_, i) => `s${i}`),
  );
  await shop.pay(await shop.hold(sale, winner ?? '', 2));
  await shop.close(sale);

  const secret = idSecretOf(world.settings.idSecret);
  const outcome = await readProof(world.db, sale, receiptKeys(secret));
  if (outcome.kind !== 'done') throw new Error(outcome.kind);
  proof = '';
  for await (const piece of proofText(outcome.value)) proof += piece;
  served = proof;
  folder = mkdtempSync(join(tmpdir(), 'proof-'));
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === `/v1/sales/${sale}/proof`) {
      response.writeHead(servedWith).end(first ?? served);
      first = null;
    } else if (path === `/v1/sales/${sale}`) {
      const about = { id: sale, state: 'closed', seed_commitment: commitment };
      response.end(JSON.stringify({ ...about, admission: { mode } }));
    } else response.writeHead(404).end('{"code":"not_found"}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/sales/${sale}`;
});
afterAll(async () => {
  server.close();
  rmSync(folder, { recursive: true });
  await world.close();
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const verify = (...args: string[]): Promise<Ended> => highnoon(['verify', ...args]);
const receiptOf = (i: number): string =>
  file(`ticket-${i}.json`, JSON.stringify({ id: tickets[i]?.id, receipt: tickets[i]?.receipt }));

type Document = Record<string, unknown>;
const changed = (change: (proof: Document) => void): string => {
  const document = JSON.parse(proof) as Document;
  change(document);
  return JSON.stringify(document);
};
const tampered = (name: string, change: (proof: Document) => void): string =>
  file(name, changed(change));
const withoutUnits = (d: Document): void => {
  delete d['units'];
  delete d['units_signature'];
};
const unitsOf = (d: Document): Document[] => d['units'] as Document[];

describe('a true proof', () => {
  it('says first what it shows and what it does not', () => {
    expect(proof.split('\n')[0]).toMatch(/^\{"limits":"This shows .*added no accounts\.",$/);
    expect(Object.keys(JSON.parse(proof) as object)).toEqual(
      expect.arrayContaining(['seed', 'beacon', 'root', 'entrants', 'entries', 'numbers', 'units']),
    );
    expect(proof).toMatch(/\],\n"units_signature":"[\w-]{86}"\}\n$/);
  });

  it('holds from its server, with receipts', async () => {
    const args = [receiptOf(0), receiptOf(4), receiptOf(8)].flatMap((name) => ['--receipt', name]);
    const { code, out, err } = await verify(url, ...args);
    expect(err).toBe('');
    expect(out).toMatch(/ok {5}numbers: 9 recomputed, all as published/);
    expect(out).toMatch(/ok {5}units: 2 sold, each once, signed/);
    expect(out.match(/ok {5}receipt /g)).toHaveLength(3);
    expect(out).toMatch(/verify passed\n$/);
    expect(code).toBe(0);
  });

  it('holds from a file, and tells the number of a ticket', async () => {
    const saved = file('proof.json', proof);
    const id = tickets[5]?.id ?? '';
    const { code, out } = await verify(saved, '--ticket', id, '--commitment', commitment, '--json');
    const result = JSON.parse(out) as { passed: boolean; number: number };
    const numbers = (JSON.parse(proof) as { numbers: number[] }).numbers;
    expect([code, result.passed, result.number]).toEqual([0, true, numbers[5]]);
    expect(readFileSync(saved, 'utf8')).toBe(proof);
  });

  it('holds from a file that was saved before the sale was over, and from units that settle late', async () => {
    const { code, out } = await verify(tampered('before.json', withoutUnits));
    expect(out).toMatch(/– {6}units: they are not in the file/);
    expect(code).toBe(0);
    first = changed(withoutUnits);
    const late = await verify(url);
    expect(late.out).toMatch(/ok {5}units: 2 sold/);
    expect([late.code, first]).toEqual([0, null]);
  });
});

it('is not complete while the sale is closed and its proof has no units', async () => {
  served = changed(withoutUnits);
  const { code, out } = await verify(url);
  served = proof;
  expect(out).toMatch(/– {6}units: the sale is closed, its list of units is not there yet/);
  expect(out).toMatch(/verify incomplete\n$/);
  expect(code).toBe(2);
});

it('says in its own words what a proof shows', async () => {
  const { out } = await verify(tampered('words.json', (d) => (d['limits'] = 'all is well')));
  expect(out).toMatch(/^This shows .* added no accounts\.\n/);
});

const notSigned = /WRONG {2}units: the list of units is not what was signed/;

describe('it fails loudly', () => {
  it.each([
    ['seed', (d: Document) => (d['seed'] = 'ab'.repeat(32)), /WRONG {2}seed/],
    ['root', (d: Document) => (d['root'] = 'ab'.repeat(32)), /WRONG {2}root/],
    ['beacon', (d: Document) => (d['beacon'] = 'ab'), /WRONG {2}beacon.*\n(.*\n)?WRONG {2}numbers/],
    ['list', (d: Document) => (d['entrants'] as string[]).pop(), /WRONG {2}list/],
    ['order', (d: Document) => (d['entrants'] as string[]).reverse(), /WRONG {2}root/],
    ['numbers', (d: Document) => (d['numbers'] as number[]).reverse(), /WRONG {2}numbers/],
    [
      'units',
      (d: Document) => (d['units'] = [...unitsOf(d), ...unitsOf(d)]),
      /WRONG {2}units: .* is there twice/,
    ],
    ['list of units', (d: Document) => unitsOf(d).pop(), notSigned],
    [
      'end of a unit',
      (d: Document) => Object.assign(unitsOf(d)[0] ?? {}, { end: 'unsold', order: null }),
      notSigned,
    ],
    [
      'order of a unit',
      (d: Document) => Object.assign(unitsOf(d)[0] ?? {}, { order: 'ab'.repeat(32) }),
      notSigned,
    ],
    ['unit and no signature', (d: Document) => delete d['units_signature'], notSigned],
  ] as [string, (d: Document) => unknown, RegExp][])(
    'with another %s',
    async (name, change, says) => {
      const { code, out } = await verify(tampered(`${name}.json`, change));
      expect(out).toMatch(says);
      expect(out).toMatch(/verify FAILED\n$/);
      expect(code).toBe(1);
    },
  );

  it('when the server shows another proof than it had promised', async () => {
    served = JSON.stringify({ ...(JSON.parse(proof) as Document), seed_commitment: 'sha256:ab' });
    const { code, out } = await verify(url);
    served = proof;
    expect(out).toMatch(/WRONG {2}seed: the sale says sha256:/);
    expect(code).toBe(1);
  });

  it('when the sale is said to have no line', async () => {
    mode = 'open';
    const { code, out } = await verify(url);
    mode = 'queue';
    expect(out).toMatch(/WRONG {2}list: the sale says open, the proof queue/);
    expect(code).toBe(1);
  });

  it('when the commitment is not the one that was noted, and for a ticket that is not there', async () => {
    const saved = file('proof.json', proof);
    const noted = await verify(saved, '--commitment', `sha256:${'0'.repeat(64)}`);
    expect(noted).toMatchObject({ code: 1 });
    expect(noted.out).toMatch(/your note says/);
    const absent = await verify(saved, '--ticket', 'tkt_x');
    expect(absent).toMatchObject({ code: 1 });
  });

  it('for a receipt of another ticket', async () => {
    const [own, other] = [tickets[2], tickets[3]];
    const mixed = file('mixed.json', JSON.stringify({ id: own?.id, receipt: other?.receipt }));
    const { code, out } = await verify(file('proof.json', proof), '--receipt', mixed);
    expect(out).toMatch(/WRONG {2}receipt .*: place 3 is another's/);
    expect(code).toBe(1);
  });
});

describe('a draw with a beacon', () => {
  const { round, signature } = publishedRound;
  const source = `drand:${chain}:${round}`;
  /** Half a minute before. */
  const bell = genesisMs + (round - 1) * periodMs - 30_000;
  const bytes = (d: Document, name: string): Buffer => Buffer.from(d[name] as string, 'hex');
  /** The same entrants, drawn with this value. */
  const drawnWith = (value: string): string =>
    changed((d) => {
      const result = resultOf(bytes(d, 'seed'), bytes(d, 'root'), Buffer.from(value, 'hex'));
      const entrants = Buffer.from((d['entrants'] as string[]).join(''), 'hex');
      const numbers: number[] = [];
      drawOrder(result, entrants).forEach((place, i) => (numbers[place] = i + 1));
      const bell_at = new Date(bell).toISOString();
      Object.assign(d, { beacon: value, beacon_source: source, bell_at, numbers });
    });

  it('holds when its chain has signed the round', async () => {
    const { code, out } = await verify(file('beacon.json', drawnWith(signature)));
    expect(out).toMatch(new RegExp(`ok {5}beacon: ${source}, signed by its chain`));
    expect(out).toMatch(/ok {5}numbers: 9 recomputed, all as published/);
    expect([code, out.split('\n')[0]]).toEqual([
      0,
      expect.stringContaining('a public value whose source was named'),
    ]);
  });

  it('fails with numbers that are right by a value that nobody signed', async () => {
    const { code, out } = await verify(file('forged.json', drawnWith('ab'.repeat(48))));
    expect(out).toMatch(/WRONG {2}beacon: it is not the signature of drand/);
    expect(out).toMatch(/ok {5}numbers/);
    expect(code).toBe(1);
  });

  it('fails when the sale had named no source', async () => {
    served = drawnWith(signature);
    const { code, out } = await verify(url);
    served = proof;
    expect(out).toMatch(/WRONG {2}beacon: the sale names none, the proof drand/);
    expect(code).toBe(1);
  });
});

describe('it ends with 2', () => {
  it.each([
    ['without a sale', []],
    ['for a file that is not there', ['/nowhere/proof.json']],
    ['for a sale that is not there', ['http://127.0.0.1:1/v1/sales/sal_x']],
    ['for an unknown option', ['--wrong']],
  ])('%s', async (_what, args) => {
    expect((await verify(...args)).code).toBe(2);
  });

  it('before the bell, and says when that is', async () => {
    const starts_at = '2030-06-01T12:00:00.000Z';
    served = JSON.stringify({
      code: 'sale_not_started',
      status: 403,
      detail: 'Not yet.',
      starts_at,
    });
    servedWith = 403;
    const { code, out, err } = await verify(url);
    [served, servedWith] = [proof, 200];
    expect(err).toBe(
      `not verified: the bell rings at ${starts_at}: there is no draw to check before it\n`,
    );
    expect([code, out]).toEqual([2, '']);
  });

  it('while the seed waits for its beacon', async () => {
    const waiting = tampered('waiting.json', (d) => {
      d['seed'] = null;
      d['beacon'] = null;
      delete d['numbers'];
    });
    const { code, out } = await verify(waiting);
    expect([code, out.includes('verify incomplete')]).toEqual([2, true]);
  });

  it('without the numbers, which are what it is asked for', async () => {
    const { code, out } = await verify(tampered('none.json', (d) => delete d['numbers']));
    expect([code, out.includes('verify incomplete')]).toEqual([2, true]);
  });

  it('and says how it is used', async () => {
    const { code, out } = await verify('--help');
    expect([code, out.includes('--receipt FILE')]).toEqual([0, true]);
  });
});
