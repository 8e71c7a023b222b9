/** What the runner tells the tests, and waiting without sleeping for a fixed time. */
import { randomBytes } from 'node:crypto';
import { createLog } from '../../platform/log.ts';

export type NeededStore = 'TEST_DATABASE_URL' | 'TEST_KAFKA_BROKERS';

/** A test that cannot run does not pass: without its store it fails. */
export function needed(name: NeededStore): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: these tests need a running store (npm test starts them)`);
  }
  return value;
}

export const silent = createLog('test', 'silent');

/** A name of this test's own, so that runs beside each other do not meet. */
export const ownName = (what: string): string => `${what}-${randomBytes(6).toString('hex')}`;

const untilTimeoutMs = 30_000;
const lookEveryMs = 10;

/** Waits for a condition, or throws with what it was. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = untilTimeoutMs,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
