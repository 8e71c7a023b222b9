/**
 * Time and chance as the engine sees them: one place, so that a simulation can put a
 * scheduler and a seed there. Nothing else replaces it.
 */
import { randomBytes } from 'node:crypto';

/** A call that is due; what Node's own timers are. */
export interface Timer {
  /** Calls it off. */
  close(): unknown;
  /** It does not keep the process alive. */
  unref(): unknown;
}

export interface Clock {
  /** Milliseconds that never go back, from any origin. */
  now(): number;
  /** Milliseconds since 1970, as this machine believes. */
  wall(): number;
  /** Calls once, so many milliseconds from now. */
  after(ms: number, call: () => void): Timer;
  /** Calls once what runs now and the I/O behind it are done. */
  soon(call: () => void): void;
  /** So many random bytes that nobody can guess. */
  random(bytes: number): Buffer;
}

export let clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, call) => setTimeout(call, ms),
  soon: (call) => setImmediate(call),
  random: (bytes) => randomBytes(bytes),
};

/** For the simulation only. */
export function replaceClock(by: Clock): void {
  clock = by;
}

/** Resolves so many milliseconds from now. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });
