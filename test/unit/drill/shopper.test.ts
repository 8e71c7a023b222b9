// What the drills' shoppers hold against an answer, and what is a race of their own making.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import { Client, type Answer, type Told } from '../../drill/client.ts';
import { History, type Asked, type KnownOrder } from '../../drill/history.ts';
import { askAgain } from '../../drill/replays.ts';
import { askCommand, look } from '../../drill/shopper.ts';
import { Rng } from '../../support/rng.ts';

const sale = saleIdOf(0, Buffer.alloc(8));
const id = orderIdOf(sale, '1'.repeat(24));

const answer = (status: number, json: Readonly<Record<string, unknown>>): Answer => ({
  ...{ status, json, text: JSON.stringify(json), replayed: false },
});
const accepted = answer(201, { id, units: [1], amount: { amount: 100 } });
const soldOut = answer(409, { code: 'sold_out' });

const hold = (): Asked => ({
  ...{ verb: 'hold', sale, shopper: 0, key: 'k', body: { quantity: 1, product_id: 'prd_1' } },
  ...{
    order: '',
    startedAt: 0,
    outcome: 'unknown',
    answeredAt: 0,
    tries: 0,
    unavailable: 0,
    silent: 0,
  },
  ...{ feltFrom: 0, feltUntil: 0, said: '', status: 0, code: '' },
});

/** A client whose answers come when the test says so, in the order of its asking. */
function scripted() {
  const waiting: ((told: Told) => void)[] = [];
  const ask = (): Promise<Told> => new Promise((resolve) => waiting.push(resolve));
  const history = new History();
  const around = {
    ...{ client: { ask } as unknown as Client, accounts: [{ id: 'sho_1', token: 't' }] },
    ...{ history, rng: new Rng(1), sales: () => [] },
  };
  const tell = (nth: number, said: Answer | null): void => {
    waiting[nth]?.({
      answer: said,
      tries: 1,
      unavailable: 0,
      silent: 0,
      feltFrom: 0,
      feltUntil: 0,
    });
  };
  return { around, history, tell };
}

describe('a key that is sent twice at once', () => {
  it('may be refused by the one that was decided before a unit came back', async () => {
    const { around, history, tell } = scripted();
    const asked = hold();
    const both = [askCommand(around, asked), askCommand(around, asked)];
    tell(1, accepted);
    await both[1];
    tell(0, soldOut);
    await both[0];
    expect(history.violations).toEqual([]);
    expect(asked.outcome).toBe('ok');
  });
});

describe('a key that was accepted', () => {
  it('must not be refused when it is asked again', async () => {
    const { around, history, tell } = scripted();
    const asked = hold();
    const first = askCommand(around, asked);
    tell(0, accepted);
    await first;
    const again = askCommand(around, asked);
    tell(1, soldOut);
    await again;
    expect(history.violations.map(({ what }) => what)).toEqual([
      `I7: accepted, then hold of ${id}: 409 sold_out`,
    ]);
  });
});

/** Lets what has been answered go on. */
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const what = ({ violations }: History): string[] => violations.map((one) => one.what);

async function held() {
  const { around, history, tell } = scripted();
  const asked = hold();
  const first = askCommand(around, asked);
  tell(0, accepted);
  await first;
  return { around, history, tell };
}

describe('a repeat when all is well', () => {
  const refused = answer(422, { code: 'idempotency_key_reused' });
  const silence = `I7: no answer to a repeat: hold of ${id}`;

  it.each<[string, Answer | null, Answer | null, string[]]>([
    ['gets its answer', accepted, refused, []],
    ['gets none', null, refused, [silence]],
    ['with another body gets none', accepted, null, [silence]],
    ['with another body is accepted', accepted, accepted, [`I7: ${id}: another body got 201`]],
  ])('%s', async (_, same, another, says) => {
    const { around, history, tell } = await held();
    const again = askAgain(around);
    tell(1, same);
    await soon();
    tell(2, another);
    await again;
    expect(what(history)).toEqual(says);
  });
});

describe('an order that cannot be read', () => {
  it('is to be read again, and is judged then', async () => {
    const { around, history, tell } = await held();
    const order = history.orders.get(id) as KnownOrder;
    order.end = 'paid';
    const first = look(around, order);
    tell(1, null);
    await first;
    expect([what(history), [...history.unread]]).toEqual([[], [order]]);
    const second = look(around, order);
    tell(2, answer(200, { state: 'held' }));
    await second;
    expect(what(history)).toEqual([`I12: ${id}: paid, then read as held`]);
  });
});

describe('an answer', () => {
  it.each<[number, string, true | undefined]>([
    [409, 'sold_out', undefined],
    [409, 'hold_expired', true],
    [500, '', true],
    [401, 'unauthorized', true],
    [404, 'not_found', true],
  ])('%i %s to a hold is untrue: %s', async (status, code, untrue) => {
    const { around, history, tell } = scripted();
    const asked = hold();
    const told = askCommand(around, asked);
    tell(0, answer(status, { code }));
    await told;
    expect(asked.untrue).toBe(untrue);
    expect(history.violations).toHaveLength(untrue === true ? 1 : 0);
  });

  it('that is no JSON is one where it refuses, and none where it accepts or says 503', async () => {
    const server = createServer((request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end('<html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = new Client([`http://127.0.0.1:${port}`], new Rng(1));
    try {
      const statuses = ['/500', '/200', '/503'].map(async (path) => {
        const { answer: got } = await client.ask({ method: 'GET', path, token: '' }, 0);
        return got?.status ?? 0;
      });
      expect(await Promise.all(statuses)).toEqual([500, 0, 0]);
    } finally {
      server.close();
    }
  });
});
