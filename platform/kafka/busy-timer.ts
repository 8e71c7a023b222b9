/**
 * kafkajs 2.2.4 re-arms a 1 ms timer for ever on every broker connection (3.6 % of a core each, when
 * idle). This arms it only while requests are waiting. Applied only to the very source it was
 * written against; anything else is left alone.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Log } from '../log.ts';

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const knownSha256 = '04347ea969c6f2e3754427c0cbaee0bd4ce947fbd82f7b6e027506a06dfc581a';
const checkPendingMs = 10;
const patched = Symbol.for('highnoon.kafkajs.busy-timer');

/** Returns whether the timer is tamed. */
export function tameBusyTimer(log: Log): boolean {
  const queue = requestQueuePrototype();
  if (queue === null || typeof queue.scheduleCheckPendingRequests !== 'function') {
    log.warn('kafkajs has no scheduleCheckPendingRequests: its timer is left alone');
    return false;
  }
  if (patched in queue) return true;
  const source = queue.scheduleCheckPendingRequests.toString();
  if (createHash('sha256').update(source).digest('hex') !== knownSha256) {
    log.warn('kafkajs is not the version we know: its 1 ms timer is left alone');
    return false;
  }
  queue.scheduleCheckPendingRequests = schedule;
  Object.defineProperty(queue, patched, { value: true });
  return true;
}

function requestQueuePrototype(): RequestQueue | null {
  try {
    const load = createRequire(import.meta.url);
    const found = load('kafkajs/src/network/requestQueue') as { prototype?: RequestQueue };
    return found.prototype ?? null;
  } catch {
    return null;
  }
}

function schedule(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : checkPendingMs,
  );
}
