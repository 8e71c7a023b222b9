/**
 * An open loop: operations begin at the times of a fixed rate, however late the answers are. Who
 * measures from the intended time leaves nothing out: neither the wait behind a stall of the server
 * nor this generator's own lateness.
 */
const tickMs = 1;

/** How many operations of `perSecond` are due after `elapsedMs`, of `total` at most. */
export function dueAfter(elapsedMs: number, perSecond: number, total: number): number {
  return Math.min(total, Math.floor((elapsedMs * perSecond) / 1000) + 1);
}

/** Calls `fire` with each operation's intended time (of `performance.now`). Resolves after the last. */
export function pace(
  perSecond: number,
  seconds: number,
  fire: (intendedAt: number) => void,
): Promise<number> {
  const total = Math.max(1, Math.round(perSecond * seconds));
  const from = performance.now();
  let fired = 0;
  return new Promise((resolve) => {
    const tick = (): void => {
      const due = dueAfter(performance.now() - from, perSecond, total);
      while (fired < due) fire(from + (fired++ * 1000) / perSecond);
      if (fired < total) setTimeout(tick, tickMs);
      else resolve(total);
    };
    tick();
  });
}
