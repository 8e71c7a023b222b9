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

/**
 * How long an open loop of a benchmark runs before its latencies count. What was done before it, and its
 * own first requests all at once, make a queue that takes some 50 ms to go: a hundredth of five seconds,
 * which is a p99 that says nothing of the rest.
 */
export const leadSeconds = 0.5;

/** As `pace` calls it: when the operation should begin, and whether that is after the lead. */
export type Fire = (intendedAt: number, counts: boolean) => void;

/**
 * Calls `fire` with each operation's intended time (of `performance.now`), for `seconds` and the `lead`
 * before them. Resolves after the last with how many there were.
 */
export function pace(perSecond: number, seconds: number, fire: Fire, lead = 0): Promise<number> {
  const total = Math.max(1, Math.round(perSecond * (lead + seconds)));
  const from = performance.now();
  const countsFrom = from + lead * 1000;
  let fired = 0;
  return new Promise((resolve) => {
    const tick = (): void => {
      const due = dueAfter(performance.now() - from, perSecond, total);
      while (fired < due) {
        const intendedAt = from + (fired++ * 1000) / perSecond;
        fire(intendedAt, intendedAt >= countsFrom);
      }
      if (fired < total) setTimeout(tick, tickMs);
      else resolve(total);
    };
    tick();
  });
}
