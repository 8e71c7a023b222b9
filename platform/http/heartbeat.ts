/**
 * Whether the event loop has stood still: the process was stopped, or something kept it for seconds.
 * What has come in meanwhile is read first, and only after it that its sender has left.
 */

const everyMs = 500;
/** Nobody leaves sooner than that. */
const stillMs = 2000;
/** For so long after it, what is read may have waited. */
const afterMs = 200;

export class Heartbeat {
  #beatAt = performance.now();
  #stillUntil = -Infinity;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - this.#beatAt > stillMs) this.#stillUntil = now + afterMs;
      this.#beatAt = now;
    }, everyMs);
    this.#timer.unref();
  }

  /** `now` by `performance.now()`. Both, because the loop may read before it looks at its timers. */
  stoodStill(now: number): boolean {
    return now - this.#beatAt > stillMs || now < this.#stillUntil;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
