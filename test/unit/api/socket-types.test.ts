// Every type of message that /asyncapi.json tells of is sent and told here once, over a fake engine; and
// its judge finds a member that nobody documented, wherever it stands.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewsEvent } from '../../../engine/index.ts';
import { SocketClient, type Message } from '../../support/socket-client.ts';
import { documentedTypes, misfit } from '../../support/socket-document.ts';
import {
  done,
  laneOrder,
  laneSale,
  linedSaleId as sale,
  noon,
  orderId,
  vendorKey,
} from './fake-engine.ts';
import { startHarness, tokens } from './harness.ts';
import type { Harness } from './harness.ts';

const { heldAt, holdExpiresAt } = laneOrder;
const held: NewsEvent = {
  ...{ kind: 'held', sale, order: orderId, shopper: 'ann', item: 0, price: 9950 },
  ...{ heldAt, holdExpiresAt, units: [17] },
};
const soldOut = { code: 'sold_out', available: 0, mayReturn: true };

let harness: Harness;
let told: Message[] = [];
const sent = new Set(['hello']);

function tell(event: NewsEvent): void {
  for (const listener of harness.listeners) listener.event(event);
}

beforeAll(async () => {
  harness = await startHarness();
  const shopper = await SocketClient.open(harness.url, { token: tokens.ann });
  const vendor = await SocketClient.open(harness.url, { token: vendorKey });
  const send = (type: string, fields: object = {}): void => {
    sent.add(type);
    shopper.send({ type, ...fields });
  };
  const ask = (type: string, fields: object): Promise<Message> => {
    sent.add(type);
    return shopper.ask(type, fields);
  };
  vendor.send({ type: 'subscribe', sale });
  await vendor.next('stats');
  tell(held);
  await shopper.next('order');
  await ask('auth', { token: tokens.ann });
  await ask('join', { sale });
  await ask('hold', { sale, quantity: 1 });
  harness.answers = { hold: { kind: 'rejected', rejection: soldOut, now: noon } };
  await ask('hold', { sale, quantity: 1 });
  await ask('pay', { order: orderId, method: { type: 'test' } });
  await ask('cancel', { order: orderId });
  send('subscribe', { sale });
  await shopper.next('snapshot');
  await shopper.next('tick');
  harness.answers = { laneSale: done({ ...laneSale, state: 'paused' }) };
  tell({ kind: 'sale', type: 'paused', sale });
  await shopper.next('sale');
  tell({ kind: 'ticket', type: 'admitted', sale, shopper: 'ann' });
  await shopper.next('ticket');
  await ask('leave', { sale });
  send('unsubscribe', { sale });
  send('ping');
  await shopper.next('pong');
  await harness.close();
  await shopper.next('goodbye');
  told = [...shopper.messages, ...vendor.messages];
});
afterAll(() => harness.close());

const sorted = (names: Iterable<unknown>): string[] => [...new Set(names)].map(String).sort();

it('every documented type is told, and every one is taken', () => {
  expect(sorted(told.map(({ type }) => type))).toEqual(sorted(documentedTypes('server')));
  expect(sorted(sent)).toEqual(sorted(documentedTypes('client')));
});

it('a snapshot has a tick, a ticket and an order to be judged', () => {
  expect(told).toContainEqual(
    expect.objectContaining({
      type: 'snapshot',
      tick: expect.objectContaining({ sale }) as object,
      ticket: expect.objectContaining({ sale_id: sale }) as object,
      orders: [expect.objectContaining({ id: orderId })],
    }),
  );
});

/** Copies of a message, each with `debug: 1` in another of its objects; `at` = where. */
function* spoilt(value: unknown, at: string): Generator<{ at: string; value: unknown }> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { at, value: { ...value, debug: 1 } };
  for (const [name, inner] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${at}[]` : `${at}.${name}`;
    for (const one of spoilt(inner, place)) {
      const copy: unknown = Array.isArray(value)
        ? value.map((item: unknown, i) => (String(i) === name ? one.value : item))
        : { ...value, [name]: one.value };
      yield { at: one.at, value: copy };
    }
  }
}

describe('a member that nobody documented', () => {
  /** Objects of which the document says that they have members which it does not name. */
  const open = ['sale.admission', 'snapshot.admission', 'stats.line', 'stats.refused'];

  it('is a misfit of every message, and of all that is in one but what is open', () => {
    const found = new Map<string, boolean>();
    for (const message of told) {
      expect(misfit('server', message)).toBeNull();
      for (const { at, value } of spoilt(message, String(message['type']))) {
        found.set(at, misfit('server', value) !== null);
      }
    }
    expect(sorted([...found].filter(([, isFound]) => !isFound).map(([at]) => at))).toEqual(open);
    expect([...found.keys()]).toEqual(
      expect.arrayContaining([
        'tick',
        'snapshot.tick',
        'snapshot.ticket',
        'snapshot.orders[]',
        'outcome.result',
        'outcome.problem',
      ]),
    );
  });

  it('is not sent by a test that does not say so', () => {
    expect(misfit('client', { type: 'ping' })).toBeNull();
    expect(misfit('client', { type: 'ping', debug: 1 })).toContain('additional properties');
    expect(misfit('client', { type: 'dance' })).toContain('not documented');
  });
});
