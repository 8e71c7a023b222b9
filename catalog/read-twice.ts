/** A second attempt for reads: one lost connection is not the loss of Postgres. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable } from '../platform/fault.ts';

const atOnceMs = 100;
const noticeMs = 25;

/**
 * Connections may have died while they were idle: a read that failed at once is tried once more,
 * a moment later, when the pool has noticed.
 */
export async function readTwice<T>(read: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await read();
  } catch (error) {
    if (!isRetryable(error) || performance.now() - startedAt > atOnceMs) throw error;
    await sleep(noticeMs);
    return read();
  }
}
