// A crowd that is told its numbers from one list: who is told what, and who is left to a look.
import { describe, expect, it } from 'vitest';
import type { LineStanding } from '../../../engine/index.ts';
import { Pusher } from '../../../api/socket/pusher.ts';
import type { Audience } from '../../../api/socket/audience.ts';
import { Sessions } from '../../../api/socket/sessions.ts';
import { crowdMin } from '../../../api/socket/limits.ts';
import { done, linedSaleId as sale, lineFigures } from './fake-engine.ts';

const count = crowdMin + 44;

function stage(standings: readonly LineStanding[]) {
  /** Whether the lane has all of the numbers, or only those of the first chunk. */
  const given = { all: true };
  const sessions = new Sessions({ lags: () => undefined, inFlight: 0 }, () => undefined);
  const told = new Map<string, Record<string, unknown>[]>();
  const looked: string[] = [];
  for (let i = 0; i < count; i++) {
    const shopper = `shp_${i}`;
    const own: Record<string, unknown>[] = [];
    told.set(shopper, own);
    const peer = {
      send: (message: string | Uint8Array) => {
        own.push(JSON.parse(String(message)) as Record<string, unknown>);
        return 'sent' as const;
      },
      buffered: () => 0,
      subscribe: () => undefined,
      unsubscribe: () => undefined,
      end: () => undefined,
    };
    const session = sessions.begin('json', peer, 0);
    sessions.greet(session, { kind: 'shopper', shopper, verified: true });
    // The last one has joined elsewhere: nobody has told it its ticket yet.
    session.joined(sale, 'drawn', i === count - 1 ? null : `tkt_${i}`);
  }
  const desk = {
    tellerOf: () =>
      Promise.resolve((id: string, { number, ahead }: LineStanding) =>
        JSON.stringify({ id, number, ahead }),
      ),
    ticketOf: (_: string, shopper: string) => {
      looked.push(shopper);
      const json = JSON.stringify({ id: 'looked', number: null });
      return Promise.resolve({ id: 'looked', state: 'waiting', number: 1, json });
    },
  };
  const engine = {
    line: () => Promise.resolve(done({ ...lineFigures, bell: count, numbered: given.all })),
    async *waitingIn(_: string, last: number, after?: LineStanding) {
      await Promise.resolve();
      expect(last).toBe(count);
      const from = after === undefined ? 0 : standings.indexOf(after) + 1;
      const all = given.all ? standings : standings.slice(0, 150);
      yield all.slice(from, from + 100);
      yield all.slice(from + 100);
    },
  };
  const hub = { api: { engine }, parts: { desk }, sessions, rooms: new Map() };
  const pusher = new Pusher(hub as unknown as Audience);
  return { pusher, sessions, told, looked, given };
}

/** Numbers of all but the second, who has been admitted meanwhile. */
const standings = Array.from({ length: count }, (_, i) => i)
  .filter((i) => i !== 1)
  .map((i, ahead) => ({ shopper: `shp_${i}`, number: count - i, ahead }));

describe('a crowd', () => {
  it('is told its numbers once, each its own, and who is not on the list is looked at', async () => {
    const { pusher, sessions, told, looked } = stage(standings);
    const numbers = { kind: 'sale', type: 'numbers', sale } as const;
    pusher.event(numbers);
    pusher.event(numbers);
    await expect.poll(() => [...told.values()].every((own) => own.length > 0)).toBe(true);
    expect(told.get('shp_0')).toMatchObject([
      { type: 'ticket', id: 'tkt_0', number: count, ahead: 0 },
    ]);
    expect(told.get('shp_7')).toMatchObject([{ id: 'tkt_7', number: count - 7, ahead: 6 }]);
    expect(looked.sort()).toEqual(['shp_1', `shp_${count - 1}`].sort());
    expect([...told.values()].every((own) => own.length === 1)).toBe(true);
    for (const session of sessions.all()) expect(session.tickets.get(sale)?.mark).toBe('waiting');
    pusher.close();
  });

  it('is told of a chunk while the next is not there yet, and goes on behind it', async () => {
    const { pusher, told, looked, given } = stage(standings);
    const numbers = { kind: 'sale', type: 'numbers', sale } as const;
    const count = (): number => [...told.values()].filter((own) => own.length > 0).length;
    given.all = false;
    pusher.event(numbers);
    await expect.poll(count, { interval: 5 }).toBe(150);
    expect(looked).toEqual([]);
    given.all = true;
    pusher.event(numbers);
    await expect.poll(count, { interval: 5 }).toBe(told.size);
    expect(told.get('shp_160')).toMatchObject([{ id: 'tkt_160', ahead: 159 }]);
    expect(looked.sort()).toEqual(['shp_1', `shp_${told.size - 1}`].sort());
    expect([...told.values()].every((own) => own.length === 1)).toBe(true);
    pusher.close();
  });
});
