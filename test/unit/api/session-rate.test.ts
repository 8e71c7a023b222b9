/** How many messages a session takes, by a clock that is told to it. */
import { describe, expect, it } from 'vitest';
import { messagesBurst, messagesPerSecond, refusedMax } from '../../../api/socket/limits.ts';
import type { SocketPeer } from '../../../platform/http/socket.ts';
import { Session } from '../../../api/socket/session.ts';

const session = (): Session =>
  new Session('s', 'json', {} as SocketPeer, { inFlight: 0, keeps: () => undefined } as never, 0);

/** Sends so many at once. */
const send = (to: Session, count: number, at: number, times = 1): number[] =>
  Array.from({ length: count }, () => to.takes(at, times));

describe('the rate of a session', () => {
  it('has a burst, then says when the next message is within the rate', () => {
    const one = session();
    expect(send(one, messagesBurst, 0).every((wait) => wait === 0)).toBe(true);
    expect(one.takes(0, 1)).toBe(1000 / messagesPerSecond);
    expect(one.takes(1000 / messagesPerSecond, 1)).toBe(0);
  });

  it('takes who goes on at the rate, also after some were refused', () => {
    const one = session();
    send(one, messagesBurst + 60, 0);
    const waits = Array.from({ length: 500 }, (_, i) =>
      one.takes(((i + 1) * 1000) / messagesPerSecond, 1),
    );
    expect(waits.every((wait) => wait === 0)).toBe(true);
  });

  it('has an end for who goes on beyond it', () => {
    const one = session();
    send(one, messagesBurst, 0);
    const waits = send(one, refusedMax + 1, 0);
    expect(waits.filter((wait) => wait === Infinity)).toHaveLength(1);
    expect(waits.at(-1)).toBe(Infinity);
  });

  it('has more for who is exempt, and an end there too', () => {
    const one = session();
    expect(send(one, messagesBurst * 100, 0, 100).every((wait) => wait === 0)).toBe(true);
    const waits = Array.from({ length: 30_000 }, (_, i) => one.takes(1000 + i / 10, 100));
    expect(waits.every((wait) => wait === 0)).toBe(true);
    expect(send(one, messagesBurst * 100 + refusedMax + 1, 5000, 100)).toContain(Infinity);
  });
});
