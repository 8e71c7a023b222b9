/**
 * Dispatcher: sweeps `lane_commands` for what no writer has taken to its lane, and is woken by the
 * settler when a settlement has written some.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { CommandCaller } from './lanes/command-caller.ts';
import { startLoop, type Loop } from './loop.ts';

export interface Dispatcher extends Loop {
  /** These lanes have new commands. */
  wakeFor(lanes: readonly number[]): void;
}

const sweepMs = 500;

export function startDispatcher(caller: CommandCaller, lanes: number, log: Log): Dispatcher {
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
        for (let lane = 0; lane < lanes; lane++) pending.add(lane);
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
