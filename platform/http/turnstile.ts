/**
 * Lets in a crowd that comes in one instant a few at a time, in the order of coming, so that those who
 * are inside already go on being served. Who comes alone does not wait.
 */

export interface TurnstileOptions {
  /** Let in each second while others wait for answers, and while nobody does. */
  readonly busyPerSecond: number;
  readonly calmPerSecond: number;
  /** More are not taken. */
  readonly waitingMax: number;
  readonly isBusy: () => boolean;
}

/** False = it has gone away meanwhile, so somebody else may. */
type Go = () => boolean;

const everyMs = 5;
/** However long the loop was away, so many go in at once. */
const atOnceMax = 100;

export class Turnstile {
  readonly #options: TurnstileOptions;
  readonly #waiting: Go[] = [];
  /** The first of those that wait; those before it are through. */
  #first = 0;
  #credit = atOnceMax;
  #creditAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TurnstileOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** Calls `go`, now or later; false = too many wait. `go` must not throw. */
  pass(go: Go): boolean {
    if (this.waiting >= this.#options.waitingMax) return false;
    this.#waiting.push(go);
    if (this.#timer === null) this.#letIn();
    return true;
  }

  #letIn(): void {
    this.#timer = null;
    const now = performance.now();
    const { busyPerSecond, calmPerSecond, isBusy } = this.#options;
    const gained = ((now - this.#creditAt) * (isBusy() ? busyPerSecond : calmPerSecond)) / 1000;
    this.#credit = Math.min(this.#credit + gained, atOnceMax);
    this.#creditAt = now;
    while (this.#credit >= 1 && this.waiting > 0) {
      const go = this.#waiting[this.#first++];
      if (go?.() === true) this.#credit -= 1;
    }
    if (this.waiting > 0) {
      this.#timer = setTimeout(() => this.#letIn(), everyMs);
      if (this.#first < this.#waiting.length / 2) return;
    }
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }
}
