/** What of the Kafka port needs no broker: the tamed timer, faults, positions. */
import { createRequire } from 'node:module';
import type { Batch } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../platform/fault.ts';
import { tameBusyTimer } from '../../../platform/kafka/busy-timer.ts';
import { backoffMs, toFault, within } from '../../../platform/kafka/client.ts';
import { Positions } from '../../../platform/kafka/positions.ts';
import { createLog } from '../../../platform/log.ts';

const log = createLog('test', 'silent');

interface Queue {
  pending: unknown[];
  throttleCheckTimeoutId: unknown;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

describe('kafkajs’ timer', () => {
  it('is tamed: the pinned version is the known one', () => {
    expect(tameBusyTimer(log)).toBe(true);
    expect(tameBusyTimer(log)).toBe(true);
  });

  it('is armed only while something waits', () => {
    tameBusyTimer(log);
    const load = createRequire(import.meta.url);
    const RequestQueue = load('kafkajs/src/network/requestQueue') as new (o: object) => Queue;
    const queue = new RequestQueue({ logger: { debug: () => undefined } });
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });
});

describe('a fault of Kafka', () => {
  it('is worth another attempt unless the protocol says never', () => {
    expect(toFault(new Error('connection lost')).retryable).toBe(true);
    const typed = (type: string): Error => Object.assign(new Error(type), { type });
    expect(toFault(typed('NOT_LEADER_FOR_PARTITION')).retryable).toBe(true);
    expect(toFault(typed('MESSAGE_TOO_LARGE')).retryable).toBe(false);
    const nested = Object.assign(new Error('several'), { errors: [typed('INVALID_CONFIG')] });
    expect(toFault(nested).retryable).toBe(false);
    const own = new Fault('x', 'y', { retryable: false });
    expect(toFault(own)).toBe(own);
  });

  it('is also what takes too long', async () => {
    const never = new Promise<void>(() => undefined);
    await expect(within(20, 'waiting', never)).rejects.toMatchObject({ retryable: true });
    await expect(within(1000, 'x', Promise.resolve(7))).resolves.toBe(7);
  });

  it('is waited out longer each time, up to a bound', () => {
    expect(backoffMs(0)).toBeLessThanOrEqual(100);
    for (let i = 0; i < 100; i += 1) {
      expect(backoffMs(i)).toBeLessThanOrEqual(2000);
      expect(backoffMs(i)).toBeGreaterThanOrEqual(50);
    }
  });
});

describe('positions', () => {
  const fetched = (fetchedOffset: string): Batch =>
    ({ topic: 't', partition: 0, fetchedOffset }) as unknown as Batch;

  it('send a batch from elsewhere back, once', () => {
    const positions = new Positions();
    positions.assign([{ topic: 't', partition: 0 }]);
    expect(positions.goBackTo(fetched('5'))).toBeNull();
    positions.expect('t', 0, 10n);
    expect(positions.goBackTo(fetched('10'))).toBeNull();
    expect(positions.goBackTo(fetched('20'))).toBe(10n);
    expect(positions.goBackTo(fetched('20'))).toBeNull();
    positions.advance('t', 0, 25n);
    expect(positions.goBackTo(fetched('25'))).toBeNull();
    expect(positions.goBackTo(fetched('24'))).toBe(25n);
  });

  it('are forgotten with the assignment', () => {
    const positions = new Positions();
    positions.assign([{ topic: 't', partition: 0 }]);
    positions.expect('t', 0, 10n);
    positions.assign([{ topic: 't', partition: 0 }]);
    expect(positions.goBackTo(fetched('3'))).toBeNull();
  });
});
