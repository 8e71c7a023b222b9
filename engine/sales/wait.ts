/** Waiting for a settled outcome: the api answers from it, not from the lane's reply. */
import { clock, sleep } from '../../platform/clock.ts';

export const settleWaitMs = 2000;
const lookEveryMs = 15;

/** Looks until there is something or the time is up (null). */
export async function untilSettled<T>(look: () => Promise<T | null>): Promise<T | null> {
  const until = clock.now() + settleWaitMs;
  for (;;) {
    const found = await look();
    if (found !== null || clock.now() >= until) return found;
    await sleep(lookEveryMs);
  }
}
