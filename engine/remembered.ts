/**
 * What Postgres says of sales, remembered: asked once by a crowd that asks at once, and while Postgres
 * is away or hangs what was known last is the answer: a lane decides without it.
 */
import { clock } from '../platform/clock.ts';

/** Whoever asks waits so long for what is newer than what is known. */
const patienceMs = 250;
/** After a failure what is known is the answer for so long. */
const retryMs = 1000;

export interface RememberedOptions<T> {
  /** Rejects when nobody can say. Null = there is no such thing. */
  readonly read: (key: string) => Promise<T | null>;
  /** For so long what was read is the answer; 0 = it is read again, once for those who ask meanwhile. */
  readonly freshMs: number;
  /** For so long it is the answer when nobody can say, or not soon. */
  readonly keptMs: number;
  /** Keys that are kept; the one that was read longest ago goes first. */
  readonly most: number;
}

interface Known<T> {
  readonly value: T | null;
  readonly readAt: number;
  /** Until then nobody asks again. */
  until: number;
}

interface Reading<T> {
  readonly since: number;
  readonly value: Promise<T | null>;
}

export class Remembered<T> {
  readonly #options: RememberedOptions<T>;
  /** The first was read longest ago. */
  readonly #known = new Map<string, Known<T>>();
  readonly #reading = new Map<string, Reading<T>>();

  constructor(options: RememberedOptions<T>) {
    this.#options = options;
  }

  /** Null = there is no such thing. Rejects when nobody can say and nothing is known of it. */
  async read(key: string): Promise<T | null> {
    const now = clock.now();
    const known = this.#kept(key, now);
    if (known !== undefined && known.until > now) return known.value;
    const reading = this.#reading.get(key) ?? this.#start(key, now);
    // What was not there may be by now.
    if (known === undefined || known.value === null) return reading.value;
    const left = reading.since + patienceMs - now;
    return left <= 0 ? known.value : firstOf(reading.value, known.value, left);
  }

  #kept(key: string, now: number): Known<T> | undefined {
    const known = this.#known.get(key);
    return known !== undefined && now - known.readAt <= this.#options.keptMs ? known : undefined;
  }

  #start(key: string, now: number): Reading<T> {
    const value = this.#options.read(key);
    const reading: Reading<T> = { since: now, value };
    this.#reading.set(key, reading);
    value.then(
      (read) => {
        if (this.#ends(key, reading)) this.#keep(key, read);
      },
      () => {
        const known = this.#kept(key, clock.now());
        if (!this.#ends(key, reading) || known === undefined || known.value === null) return;
        // Asked again at once it would fail again.
        known.until = clock.now() + retryMs;
      },
    );
    return reading;
  }

  /** False for what was forgotten while it was read: it is read again. */
  #ends(key: string, reading: Reading<T>): boolean {
    return this.#reading.get(key) === reading && this.#reading.delete(key);
  }

  #keep(key: string, value: T | null): void {
    const readAt = clock.now();
    this.#known.delete(key);
    this.#known.set(key, { value, readAt, until: readAt + this.#options.freshMs });
    if (this.#known.size <= this.#options.most) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** It has changed: whoever asks next asks Postgres, and gets the old answer only if that is away. */
  forget(key: string): void {
    const known = this.#known.get(key);
    if (known !== undefined) known.until = Number.NEGATIVE_INFINITY;
    this.#reading.delete(key);
  }

  /** As `forget`, for every key. */
  forgetAll(): void {
    for (const known of this.#known.values()) known.until = Number.NEGATIVE_INFINITY;
    this.#reading.clear();
  }
}

/** What was read, or what is known when that fails or takes longer. */
function firstOf<T>(read: Promise<T>, known: T, withinMs: number): Promise<T> {
  return new Promise((resolve) => {
    const timer = clock.after(withinMs, () => {
      resolve(known);
    });
    const end = (value: T): void => {
      timer.close();
      resolve(value);
    };
    read.then(end, () => {
      end(known);
    });
  });
}
