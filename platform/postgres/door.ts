/**
 * How a process comes to a server that takes no connection: one attempt at a time, over all its pools,
 * and after a second failure not at once again. A server that starts forks a process for each attempt
 * only to refuse it, and a crowd of them takes the cores from its recovery (docs/drills.md).
 */
const firstPauseMs = 50;
const pauseMaxMs = 400;
const jitter = 0.25;

export class Door {
  #failures = 0;
  #shutUntil = 0;
  #why: unknown = null;
  #probing: Promise<unknown> | null = null;

  /** What `attempt` answers or throws. While the server takes nobody: what the last attempt was told. */
  async pass<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#failures === 0) return this.#try(attempt);
    if (this.#probing === null) {
      if (performance.now() < this.#shutUntil) throw this.#why;
      const probe = this.#try(attempt);
      this.#probing = probe;
      try {
        return await probe;
      } finally {
        this.#probing = null;
      }
    }
    await this.#probing;
    return this.#try(attempt);
  }

  async #try<T>(attempt: () => Promise<T>): Promise<T> {
    const before = this.#failures;
    try {
      const value = await attempt();
      this.#failures = 0;
      return value;
    } catch (error) {
      // Of several that have failed together one counts.
      if (this.#failures > before) throw error;
      const pauseMs = before === 0 ? 0 : Math.min(pauseMaxMs, firstPauseMs * 2 ** (before - 1));
      this.#failures += 1;
      this.#shutUntil = performance.now() + pauseMs * (1 - jitter + 2 * jitter * Math.random());
      this.#why = error;
      throw error;
    }
  }
}

const doors = new Map<string, { readonly door: Door; users: number }>();

/** The door to a server and database, the same for all that ask; given back by `leaveDoor`. */
export function doorTo(url: string): Door {
  const known = doors.get(url) ?? { door: new Door(), users: 0 };
  known.users += 1;
  doors.set(url, known);
  return known.door;
}

export function leaveDoor(url: string): void {
  const known = doors.get(url);
  if (known === undefined) return;
  known.users -= 1;
  if (known.users <= 0) doors.delete(url);
}
