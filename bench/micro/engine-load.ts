/** Load on the engine as a library: a closed loop over ready-made commands, and an open one. */
import { Histogram } from '../client/histogram.ts';
import { SpoiltRun } from '../client/load.ts';
import type { Engine, HoldCommand } from '../../engine/index.ts';
import { pace } from '../measure/pace.ts';
import type { Done } from '../scenario.ts';

/** `width` holds under way at any time, until all are decided. */
export function decideAll(
  engine: Engine,
  holds: readonly HoldCommand[],
  width: number,
): Promise<Done> {
  const latency = new Histogram();
  const from = performance.now();
  let turn = 0;
  let decided = 0;
  return new Promise((resolve, reject) => {
    const submit = (): void => {
      const hold = holds[turn++];
      if (hold === undefined) return;
      const at = performance.now();
      engine.hold(hold, (outcome) => {
        if (outcome.kind !== 'done') {
          reject(new SpoiltRun(JSON.stringify(outcome)));
          return;
        }
        const now = performance.now();
        latency.add(now - at);
        if (++decided === holds.length) {
          resolve({ operations: decided, seconds: (now - from) / 1000, latency });
        }
        submit();
      });
    };
    for (let i = 0; i < width; i++) submit();
  });
}

/** The same at a fixed rate; latency from the intended time. */
export async function decideAt(
  engine: Engine,
  holds: readonly HoldCommand[],
  perSecond: number,
): Promise<Done> {
  const latency = new Histogram();
  const from = performance.now();
  let turn = 0;
  let decided = 0;
  let last = from;
  let wrong: unknown = null;
  let whenAll: (() => void) | null = null;
  await pace(perSecond, holds.length / perSecond, (intendedAt) => {
    const hold = holds[turn++];
    if (hold === undefined) return;
    engine.hold(hold, (outcome) => {
      if (outcome.kind !== 'done') wrong = outcome;
      last = performance.now();
      latency.add(last - intendedAt);
      if (++decided === holds.length) whenAll?.();
    });
  });
  await new Promise<void>((resolve) => {
    whenAll = resolve;
    if (decided === holds.length) resolve();
  });
  if (wrong !== null) throw new SpoiltRun(JSON.stringify(wrong));
  return { operations: decided, seconds: (last - from) / 1000, latency };
}
