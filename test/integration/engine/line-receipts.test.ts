/** Receipts of joins, through the engine's own batches: who joined before the bell can show it. */
import { verify } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LineTicket } from '../../../engine/domain/line/types.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { digestOf, receiptKeys, receiptText } from '../../../engine/lanes/receipt.ts';
import { entrantOf } from '../../../engine/line/chain.ts';
import { joinedLine, joinLine } from '../../../engine/line/past.ts';
import { Receipts } from '../../../engine/line/receipts.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { valueOf, WorldLine } from '../../support/world-line.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let line: WorldLine;
let vendor: string;
let product: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  shop = new WorldShop(world);
  line = new WorldLine(world, shop);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, 1000)).id;
});
afterAll(() => world.close());
afterEach(async () => {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});

const items = () => [{ product, allotted: 3, price: 100 }];
/** Its bell does not ring as long as the test runs. */
const lineOf = (): Promise<string> =>
  line.sale(vendor, items(), [], { startsAt: Date.now() + 3_600_000 });

/** Tickets by the entry that joined them, each in the order of its joins. */
function byPosition(tickets: readonly LineTicket[]): Map<string, LineTicket[]> {
  const entries = new Map<string, LineTicket[]>();
  for (const ticket of [...tickets].sort((a, b) => a.index - b.index)) {
    const position = ticket.receipt?.position ?? '';
    entries.set(position, [...(entries.get(position) ?? []), ticket]);
  }
  return entries;
}

describe('a receipt', () => {
  it('signs what its batch added to the chain, one signature for all of it', async () => {
    const sale = await lineOf();
    const { publicKey } = receiptKeys(idSecretOf(world.settings.idSecret));
    const asked = Array.from({ length: 300 }, (_, i) => line.join(sale, `shopper-${i}`));
    const entries = byPosition(await Promise.all(asked));
    expect(entries.size).toBeGreaterThan(1);
    for (const [position, tickets] of entries) {
      const digest = digestOf(tickets.map(({ id }) => entrantOf(id)));
      const [first] = tickets;
      for (const { receipt, index } of tickets) {
        const { signature } = first?.receipt ?? {};
        expect(receipt).toEqual({ position, index, digest, signature });
      }
      const signature = Buffer.from(first?.receipt?.signature ?? '', 'base64url');
      const text = receiptText(sale, position, digest);
      expect(verify(null, text, publicKey, signature)).toBe(true);
      const other = receiptText(sale, `${position}0`, digest);
      expect(verify(null, other, publicKey, signature)).toBe(false);
    }
    await world.steps.pump();
    const stored = await world.db.query<{ position: string; first_index: number; count: number }>(
      'SELECT position, first_index, count FROM sale.line_entries WHERE sale_id = $1',
      [sale],
    );
    const told = [...entries].map(([position, tickets]) => {
      return { position, first_index: tickets[0]?.index, count: tickets.length };
    });
    expect(stored.toSorted((a, b) => a.first_index - b.first_index)).toEqual(told);
  });

  it('belongs to the answer that made the ticket, and to no other', async () => {
    const sale = await lineOf();
    const made = valueOf(await line.ask(sale, 'ann', 'one'));
    const again = await line.ask(sale, 'ann', 'one');
    const known = await line.ask(sale, 'ann', 'two');
    expect([made.receipt?.index, made.known]).toEqual([0, false]);
    expect(again).toMatchObject({ kind: 'done', replayed: true, value: { receipt: null } });
    expect(known).toMatchObject({ kind: 'done', replayed: false, value: { receipt: null } });
    expect([valueOf(again).id, valueOf(known).id]).toEqual([made.id, made.id]);
    expect(valueOf(known).known).toBe(true);
    expect((await line.ticket(sale, 'ann')).receipt).toBe(null);
  });

  it('is made again once it has settled, before the bell and after it', async () => {
    const keys = receiptKeys(idSecretOf(world.settings.idSecret));
    const receipts = new Receipts(world.db, keys);
    const sale = await line.sale(vendor, items(), [], { startsAt: Date.now() + 1500 });
    const asked = Array.from({ length: 40 }, (_, i) => line.join(sale, `shopper-${i}`));
    const made = [...(await Promise.all(asked)), await line.join(sale, 'last')];
    expect(await receipts.of(sale, 40)).toBe(null);
    await world.steps.pump();
    // Whoever asks is not kept waiting: on a busy machine a first answer may come without.
    const again = async (): Promise<unknown[]> => {
      const anew = new Receipts(world.db, keys);
      const all = () => Promise.all(made.map(({ index }) => anew.of(sale, index)));
      await until('all are read', async () => !(await all()).includes(null));
      return all();
    };
    expect(await again()).toEqual(made.map(({ receipt }) => receipt));
    await line.open(sale);
    expect(await again()).toEqual(made.map(({ receipt }) => receipt));
    const late = await line.join(sale, 'late');
    await world.steps.pump();
    expect(await new Receipts(world.db, keys).of(sale, late.index)).toBe(null);
    const away = new Proxy(world.db, {
      get: () => () => new Promise(() => undefined),
    });
    expect(await new Receipts(away, keys).of(sale, 0)).toBe(null);
  });

  it('is not given after the bell, when the chain has ended', async () => {
    const sale = await line.sale(vendor, items(), []);
    await line.open(sale);
    expect(await line.join(sale, 'bob')).toMatchObject({ index: 0, number: 1, receipt: null });
  });
});

describe('a key that made a ticket before', () => {
  const command = (sale: string, idempotencyKey: string, asked?: string) => ({
    ...{ sale, shopper: 'ann', verified: true, idempotencyKey },
    ...(asked === undefined ? {} : { asked }),
  });
  const ask = (sale: string, key: string, asked?: string) =>
    joinLine(world.db, world.lanes.line, command(sale, key, asked));

  it('tells of that ticket, also when another has followed, waits and is over', async () => {
    const sale = await lineOf();
    const first = valueOf(await ask(sale, 'one'));
    await world.lanes.line.leave(sale, 'ann');
    const second = valueOf(await ask(sale, 'two'));
    // Until its end has settled nobody can tell of it: no refusal, which would be final.
    expect(await ask(sale, 'one')).toMatchObject({ kind: 'unavailable' });
    await world.steps.pump();
    const tellsOfIt = async (): Promise<void> => {
      const again = await ask(sale, 'one');
      expect(again).toMatchObject({ kind: 'done', replayed: true });
      expect(valueOf(again)).toMatchObject({ id: first.id, index: 0, state: 'left', known: true });
    };
    await tellsOfIt();
    expect(valueOf(await ask(sale, 'three'))).toMatchObject({ id: second.id, state: 'waiting' });
    await world.lanes.line.leave(sale, 'ann');
    await tellsOfIt();
    const before = await joinedLine(world.db, world.lanes.line, command(sale, 'one'));
    expect(before).toMatchObject({ replayed: true, value: { id: first.id } });
    const latest = await joinedLine(world.db, world.lanes.line, command(sale, 'two'));
    expect(latest).toMatchObject({ replayed: true, value: { id: second.id } });
    expect(await joinedLine(world.db, world.lanes.line, command(sale, 'four'))).toBe(null);
  });

  it('is refused with another body, and has no effect', async () => {
    const sale = await lineOf();
    const made = valueOf(await ask(sale, 'one', 'to Berlin'));
    const refused = { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
    expect(await ask(sale, 'one', 'to Paris')).toMatchObject(refused);
    expect(await ask(sale, 'one', 'to Berlin')).toMatchObject({ replayed: true });
    await world.lanes.line.leave(sale, 'ann');
    await world.steps.pump();
    expect(await ask(sale, 'one', 'to Paris')).toMatchObject(refused);
    expect((await line.ticket(sale, 'ann')).id).toBe(made.id);
    await ask(sale, 'two');
    expect(await ask(sale, 'one', 'to Paris')).toMatchObject(refused);
    await world.lanes.line.leave(sale, 'ann');
    expect(await ask(sale, 'one', 'to Paris')).toMatchObject(refused);
  });
});

describe('a batch of several sales', () => {
  it('tells each of its own line', async () => {
    const sales = [await lineOf(), await lineOf(), await lineOf()];
    const tickets = await Promise.all(
      sales.flatMap((sale) => ['ann', 'bob'].map((shopper) => line.join(sale, shopper))),
    );
    for (const [i, { sale, index, line: figures, receipt }] of tickets.entries()) {
      expect([sale, index]).toEqual([sales[Math.floor(i / 2)], i % 2]);
      expect(figures).toMatchObject({ sale, mode: 'queue', bell: null, cutLine: null });
      expect(receipt?.index).toBe(index);
    }
  });

  it('is refused by sale: an unknown one is not found, whatever is asked', async () => {
    const unknown = 'sal_0000000000000000';
    const { line: lanes } = world.lanes;
    const answers = await Promise.all([
      line.ask(unknown, 'ann'),
      lanes.leave(unknown, 'ann'),
      lanes.ticket(unknown, 'ann', true),
      lanes.figures(unknown),
      lanes.admit(unknown, 1),
      lanes.lapse(unknown, 1),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ kind: 'rejected', rejection: { code: 'not_found' } });
    }
    await lanes.seen(unknown, ['ann']);
  });
});
