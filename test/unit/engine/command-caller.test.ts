/** Commands are read ahead of the lane: what fails when nobody waits for it ends no process. */
import { setImmediate as soon } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { CommandCaller } from '../../../engine/lanes/command-caller.ts';
import type { LaneGate } from '../../../engine/lanes/gate.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import type { Script } from '../../../platform/redis/scripts.ts';

const unhandled: unknown[] = [];
const keep = (reason: unknown): void => void unhandled.push(reason);
afterEach(() => {
  process.off('unhandledRejection', keep);
});

it('a first read that fails while the lane shuts is no unhandled rejection', async () => {
  process.on('unhandledRejection', keep);
  const door = { lane: 0, open: true, keys: { lastCommand: 'last' } };
  const gate = { door: () => door, redis: { get: () => Promise.resolve('0') } };
  let reads = 0;
  const db = {
    query: (_sql: string, _values: unknown, name?: string) => {
      if (name === 'commands_open') {
        door.open = false;
        return Promise.resolve([{ number: 1, kind: 'numbers', sale_id: 'sal_1', body: [1] }]);
      }
      reads += 1;
      return Promise.reject(new Error('Postgres is away'));
    },
  };
  const caller = new CommandCaller(
    db as unknown as Db,
    gate as unknown as LaneGate,
    {} as Script,
    () => undefined,
  );
  await caller.send(0);
  await soon();
  await soon();
  expect([reads, unhandled]).toEqual([1, []]);
});
