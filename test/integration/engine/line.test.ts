/** A line from its first join to its last unit, through the real scripts, log, settlement and draw. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { receiptKeys } from '../../../engine/lanes/receipt.ts';
import { entrantOf } from '../../../engine/line/chain.ts';
import { drawOrder, resultOf } from '../../../engine/line/draw.ts';
import type { LineStanding } from '../../../engine/domain/line/types.ts';
import { openLanes } from '../../../engine/lane-set.ts';
import { readProof } from '../../../engine/line/proof.ts';
import { waitingIn } from '../../../engine/line/waiting.ts';
import { cancelSale } from '../../../engine/sales/cancel.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { queue, valueOf, WorldLine } from '../../support/world-line.ts';
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
  product = (await shop.product(vendor, 10_000)).id;
});
afterAll(() => world.close());
afterEach(async () => {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});

const names = (count: number, prefix = 's'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const secret = () => idSecretOf(world.settings.idSecret);
const units = (allotted: number) => [{ product, allotted, price: 100 }];

async function proofOf(sale: string) {
  const outcome = await readProof(world.db, sale, receiptKeys(secret()));
  if (outcome.kind !== 'done') throw new Error(outcome.kind);
  return outcome.value;
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

describe('a line', () => {
  it('is drawn as its proof says, and served in that order', async () => {
    const shoppers = names(40);
    // Forty come one after the other, on a machine that may be busy.
    const terms = { startsAt: Date.now() + 3000 };
    const sale = await line.sale(vendor, units(5), shoppers, terms);
    await line.ring(sale);
    const early = await proofOf(sale);
    expect(early).toMatchObject({ seed: null, entrantCount: 40, numbered: false });
    await line.draw(sale);
    const proof = await proofOf(sale);
    const entrants = await all(proof.entrants());
    expect(proof).toMatchObject({ root: early.root, beacon: '', numbered: true, ended: false });
    const tickets = await Promise.all(shoppers.map((shopper) => line.ticket(sale, shopper)));
    expect(entrants).toEqual(tickets.map(({ id }) => entrantOf(id).toString('hex')));
    const [seed, root] = [proof.seed ?? '', proof.root].map((hex) => Buffer.from(hex, 'hex'));
    const result = resultOf(seed ?? Buffer.alloc(0), root ?? Buffer.alloc(0), Buffer.alloc(0));
    const order = [...drawOrder(result, Buffer.from(entrants.join(''), 'hex'))];
    expect(await line.byNumber(sale, shoppers)).toEqual(order.map((i) => shoppers[i]));
    expect(await all(proof.numbers())).toEqual(tickets.map(({ number }) => number));

    // Limit 4 and 5 units: the first claims four, the next what is left.
    expect(await line.admit(sale, 10)).toBe(2);
    const [first, second, third] = order.map((i) => shoppers[i] ?? '');
    const late = await shop.ask(sale, third ?? '', 'too early');
    expect(late).toMatchObject({ kind: 'rejected', rejection: { code: 'not_admitted' } });
    const four = await shop.pay(await shop.hold(sale, first ?? '', 4));
    const one = await shop.pay(await shop.hold(sale, second ?? '', 1));
    expect(await line.ticket(sale, first ?? '')).toMatchObject({ state: 'finished' });
    expect(await line.admit(sale, 10)).toBe(0);
    expect(valueOf(await world.lanes.line.figures(sale)).waiting).toBeGreaterThan(0);
    await shop.close(sale);
    const lapsed = { state: 'closed', joined: shoppers.length, waiting: 0, admitted: 0 };
    expect(valueOf(await world.lanes.line.figures(sale))).toMatchObject(lapsed);
    const sold = await all((await proofOf(sale)).units());
    const published = [four, one].flatMap(({ id, units }) => {
      const order = createHash('sha256').update(id).digest('hex');
      return units.map((unit) => ({ product, unit, end: 'sold', order }));
    });
    expect(published.map(({ unit }) => unit).sort()).toEqual([1, 2, 3, 4, 5]);
    expect(sold).toEqual(published.sort((a, b) => a.unit - b.unit));
  });

  it('tells the end of every unit that it offered, of those too that nobody took', async () => {
    const phone = await shop.product(vendor, 100);
    const items = [{ product: phone.id, allotted: 3, price: 100 }];
    const sale = await line.sale(vendor, items, names(2), { limitPerShopper: 1 });
    await line.open(sale);
    const [first = '', second = ''] = await line.byNumber(sale, names(2));
    expect(await line.admit(sale, 10)).toBe(2);
    await shop.pay(await shop.hold(sale, first));
    await shop.release(await shop.hold(sale, second));
    await shop.topUp(sale, phone, 2, true);
    await world.steps.pump();
    expect(await all((await proofOf(sale)).units())).toEqual([]);
    await shop.close(sale);
    const ends = await all((await proofOf(sale)).units());
    expect(ends.map(({ unit, end }) => `${unit} ${end}`)).toEqual([
      ...['1 sold', '2 unsold', '3 unsold', '4 unsold', '5 unsold'],
    ]);
  });

  it('goes on after the bell, in the order of arrival, and is the waitlist', async () => {
    const sale = await line.sale(vendor, units(1), names(3), { limitPerShopper: 1 });
    await line.open(sale);
    for (const shopper of names(3, 'late')) await line.join(sale, shopper);
    const everybody = [...names(3), ...names(3, 'late')];
    const order = await line.byNumber(sale, everybody);
    expect(order.slice(3)).toEqual(names(3, 'late'));
    expect(await line.admit(sale, 10)).toBe(1);
    const held = await shop.hold(sale, order[0] ?? '');
    expect(await line.admit(sale, 10)).toBe(0);
    await shop.release(held);
    expect(await line.admit(sale, 10)).toBe(1);
    expect(await line.ticket(sale, order[1] ?? '')).toMatchObject({ state: 'admitted' });
  });

  it('is told to the crowd of its bell, and who came later stands behind all of it', async () => {
    const people = ['tia', 'tom', 'tim'];
    const sale = await line.sale(vendor, units(1), people);
    await line.ring(sale);
    // Nobody has a number yet, and all of them are in front.
    expect(await line.join(sale, 'tea')).toMatchObject({ number: 4, ahead: 3 });
    await line.draw(sale);
    expect(await line.ticket(sale, 'tea')).toMatchObject({ number: 4, ahead: 3 });
    const { gate } = world.lanes;
    const told: LineStanding[] = [];
    for await (const piece of waitingIn(gate, sale, 3)) told.push(...piece);
    expect(told.map(({ number, ahead }) => [number, ahead])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    expect(told.map(({ shopper }) => shopper)).toEqual(await line.byNumber(sale, people));
    for await (const piece of waitingIn(gate, sale, 3, told[1])) {
      expect(piece).toEqual([told[2]]);
    }
  });

  it('without anybody opens at once', async () => {
    const sale = await line.sale(vendor, units(1), []);
    await line.open(sale);
    await line.join(sale, 'first');
    expect(await line.admit(sale, 1)).toBe(1);
    await shop.hold(sale, 'first');
    const proof = await proofOf(sale);
    expect(proof).toMatchObject({ root: '', entrantCount: 0, numbered: true });
  });

  it('keeps its places through leaves, lapses and returns', async () => {
    const shoppers = names(12);
    const admission = { ...queue, turnSeconds: 1 };
    const sale = await line.sale(vendor, units(2), shoppers, { admission, limitPerShopper: 1 });
    await world.lanes.line.leave(sale, 's3');
    await line.join(sale, 's3');
    await line.open(sale);
    await world.lanes.line.leave(sale, 's5');
    expect(await line.admit(sale, 10)).toBe(2);
    let ended = 0;
    while (ended < 2) {
      const lapsed = await world.lanes.line.lapse(sale, 10);
      ended += lapsed.kind === 'done' ? lapsed.value.ended : 0;
    }
    expect(await line.admit(sale, 10)).toBe(2);
    const tickets = await Promise.all(shoppers.map((shopper) => line.ticket(sale, shopper)));
    expect(new Set(tickets.map(({ number }) => number)).size).toBe(12);
    expect(tickets.filter(({ state }) => state === 'lapsed')).toHaveLength(2);
  });

  it('is left once by a key, whichever process is asked again', async () => {
    const terms = { startsAt: Date.now() + 3_600_000 };
    const sale = await line.sale(vendor, units(1), ['ann'], terms);
    const own = world.lanes.line;
    expect(valueOf(await own.leave(sale, 'ann', 'once')).state).toBe('left');
    const { id } = await line.join(sale, 'ann');
    const other = openLanes(world.config, world.settings, world.db, silent);
    try {
      await until('its lanes are open', () => other.gate.doors.every((door) => door.open));
      for (const process of [own, other.line]) {
        const again = await process.leave(sale, 'ann', 'once');
        expect(again).toMatchObject({ replayed: true, value: { id, state: 'waiting' } });
      }
      // Another's key of the same name, and the same shopper's own other one, are other keys.
      await line.join(sale, 'bob');
      expect(valueOf(await other.line.leave(sale, 'bob', 'once')).state).toBe('left');
      const left = await other.line.leave(sale, 'ann', 'again');
      expect(left).toMatchObject({ replayed: false, value: { id, state: 'left' } });
    } finally {
      await other.close();
    }
  });

  it('of a cancelled sale is never drawn, and its proof says so', async () => {
    const terms = { startsAt: Date.now() + 60_000 };
    const sale = await line.sale(vendor, units(1), names(2), terms);
    const { db, lanes, steps } = world;
    const control = { db, secret: secret(), caller: lanes.caller };
    const cancelled = cancelSale(control, vendor, sale);
    await until('its lane has closed it', async () => {
      await steps.pump();
      return (await readProof(db, sale, receiptKeys(secret()))).kind === 'cancelled';
    });
    expect(await cancelled).toMatchObject({ kind: 'done', value: { state: 'cancelled' } });
  });

  it('of a draw takes nobody after the bell', async () => {
    const admission = { ...queue, mode: 'draw' } as const;
    const sale = await line.sale(vendor, units(1), names(2), { admission });
    await line.ring(sale);
    const late = await line.ask(sale, 'late');
    expect(late).toMatchObject({ kind: 'rejected', rejection: { code: 'draw_closed' } });
    await line.draw(sale);
    expect(await line.admit(sale, 5)).toBe(1);
  });
});
