/**
 * Dispatcher: sweeps `lane_commands` for what no writer has taken to its lane, and is woken by the
 * settler when a settlement has written some.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import type { CommandCaller } from './lanes/command-caller.ts';
import { startLoop, type Loop } from './loop.ts';
import { lanesWithOpen } from './settle/commands.ts';

export interface Dispatcher extends Loop {
  /** These lanes have new commands. */
  wakeFor(lanes: readonly number[]): void;
}

const sweepMs = 500;

export function startDispatcher(
  caller: Pick<CommandCaller, 'send'>,
  db: Db,
  lanes: number,
  log: Log,
): Dispatcher {
  const pending = new Set<number>();
  let sweepAt = 0;
  const loop = startLoop({
    name: 'dispatcher',
    log,
    everyMs: sweepMs,
    round: async () => {
      const now = clock.now();
      if (now >= sweepAt) {
        sweepAt = now + sweepMs;
        // One look for all: nearly every sweep finds nothing, and then no lane is asked.
        for (const lane of await lanesWithOpen(db, lanes)) pending.add(lane);
      }
      const todo = [...pending];
      pending.clear();
      await Promise.all(todo.map((lane) => caller.send(lane)));
      return pending.size > 0;
    },
  });
  return {
    ...loop,
    wakeFor(woken) {
      for (const lane of woken) pending.add(lane);
      loop.wake();
    },
  };
}
