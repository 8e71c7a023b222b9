/**
 * Load on the engine as a library: a closed loop over commands, and an open one. Commands are taken one
 * by one, so that each can be made when it is due: a hundred thousand that live already are moved about
 * by the collector for the first half second, and 50 ms of that are a p99 of five seconds.
 */
import { Histogram } from '../client/histogram.ts';
import { SpoiltRun } from '../client/load.ts';
import type { Engine, HoldCommand } from '../../engine/index.ts';
import { leadSeconds, pace } from '../measure/pace.ts';
import type { Done } from '../scenario.ts';

/** `width` of `count` holds under way at any time, until all are decided. */
export function decideAll(
  engine: Engine,
  make: () => HoldCommand,
  count: number,
  width: number,
): Promise<Done> {
  const latency = new Histogram();
  const from = performance.now();
  let asked = 0;
  let decided = 0;
  return new Promise((resolve, reject) => {
    const submit = (): void => {
      if (asked++ >= count) return;
      const at = performance.now();
      engine.hold(make(), (outcome) => {
        if (outcome.kind !== 'done') {
          reject(new SpoiltRun(JSON.stringify(outcome)));
          return;
        }
        const now = performance.now();
        latency.add(now - at);
        if (++decided === count) {
          resolve({ operations: decided, seconds: (now - from) / 1000, latency });
        }
        submit();
      });
    };
    for (let i = 0; i < width; i++) submit();
  });
}

/** For `seconds` and a lead before them, at a fixed rate; latency from the intended time, the lead's not counted. */
export async function decideAt(
  engine: Engine,
  make: () => HoldCommand,
  seconds: number,
  perSecond: number,
): Promise<Done> {
  const latency = new Histogram();
  const from = performance.now();
  let decided = 0;
  let last = from;
  let wrong: unknown = null;
  let whenAll: (() => void) | null = null;
  let count = Infinity;
  const fire = (intendedAt: number, counts: boolean): void => {
    engine.hold(make(), (outcome) => {
      if (outcome.kind !== 'done') wrong = outcome;
      last = performance.now();
      if (counts) latency.add(last - intendedAt);
      if (++decided === count) whenAll?.();
    });
  };
  count = await pace(perSecond, seconds, fire, leadSeconds);
  await new Promise<void>((resolve) => {
    whenAll = resolve;
    if (decided === count) resolve();
  });
  if (wrong !== null) throw new SpoiltRun(JSON.stringify(wrong));
  return { operations: decided, seconds: (last - from) / 1000, latency };
}
