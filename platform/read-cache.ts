/**
 * Keeps what was read from Postgres so that it can be shown while that is away or hangs: fresh for a
 * moment, then read again, and shown as stale when that fails or takes longer. Bounded in size; one
 * load per key however many ask.
 */
import { clock } from './clock.ts';
import { Fault } from './fault.ts';
import { isAway } from './postgres/errors.ts';

export interface ReadCacheOptions<T> {
  /** Null = there is no such thing. */
  readonly load: (key: string) => Promise<T | null>;
  /** All that is kept, in what `sizeOf` measures. */
  readonly maxSize: number;
  /** Default: each is one. */
  readonly sizeOf?: (value: T) => number;
  readonly freshMs: number;
  readonly staleMs: number;
  /** So long after a load began who could be shown something older waits for the new one. */
  readonly patienceMs: number;
  /** What took long to read stays fresh so many times that long. Default 20; 0 = never. */
  readonly costShare?: number;
  /** So long it is remembered that there is no such thing. Default 0: who asks next reads again. */
  readonly absentMs?: number;
  /** So long after a failed load what is known of its key is the answer, and not read again. Default 0. */
  readonly retryMs?: number;
  /** Loads at a time; what comes beyond is refused, or answered stale. Default: without end. */
  readonly maxLoads?: number;
  /** So long nothing is read once Postgres was away: nobody waits for the same time-out. Default 0. */
  readonly pauseMs?: number;
  /** Monotonic, milliseconds; default: the clock's. */
  readonly now?: (() => number) | undefined;
}

export interface Cached<T> {
  readonly value: T;
  readonly ageMs: number;
  /** True when it could not be read again and is older than it should be. */
  readonly stale: boolean;
}

interface Entry<T> {
  /** Null = there was no such thing. */
  readonly value: T | null;
  readonly size: number;
  readonly readAt: number;
  /** Until then nobody reads it again. */
  readonly dueAt: number;
  /** Reading it again has failed. */
  readonly failed: boolean;
  /** Another one than the cache's: it was expired with all others. */
  readonly generation: number;
  /** Used since it was read: it has been moved to the end, which is as exact as it needs to be. */
  used: boolean;
}

interface Load<T> {
  readonly since: number;
  readonly value: Promise<T | null>;
}

/** Reading what is dear takes a twentieth of the time at most. */
const costShareDefault = 20;

const clockNow = (): number => clock.now();

/**
 * An entry is fresh, then due (the next request reads it again), then stale if that fails, then
 * dropped. Least recently used goes first when there is too much.
 */
export class ReadCache<T> {
  readonly #options: ReadCacheOptions<T>;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #loads = new Map<string, Load<T>>();
  #size = 0;
  #pausedUntil = -Infinity;
  #generation = 0;

  constructor(options: ReadCacheOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? clockNow;
  }

  /** Of all that is kept. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** What is there and need not be read, at once; null = ask `get`. */
  fresh(key: string): Cached<T> | null {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.value === null) return null;
    const now = this.#now();
    if (this.#isDue(entry, now)) return null;
    if (!entry.used) this.#touch(key, entry);
    return { value: entry.value, ageMs: now - entry.readAt, stale: entry.failed };
  }

  /**
   * The value, from memory while it is fresh. Throws what `load` threw when there is nothing to
   * show instead, or a retryable Fault when too much is being loaded or the pause is on.
   */
  async get(key: string): Promise<Cached<T> | null> {
    const fresh = this.fresh(key);
    if (fresh !== null) return fresh;
    const entry = this.#entries.get(key);
    const now = this.#now();
    if (entry?.value === null && !this.#isDue(entry, now)) return null;
    try {
      const load = this.#loads.get(key) ?? this.#load(key, now);
      const leftMs = load.since + this.#options.patienceMs - now;
      const settled = entry === undefined || (await inTime(load.value, leftMs));
      const older = settled ? null : this.#kept(key);
      if (older !== null) return older;
      const value = await load.value;
      return value === null ? null : { value, ageMs: 0, stale: false };
    } catch (error) {
      const kept = this.#kept(key);
      if (kept === null) throw error;
      return kept;
    }
  }

  /** Keeps what the caller knows to be so now; a load that is under way does not write over it. */
  put(key: string, value: T): void {
    this.#loads.delete(key);
    this.#keep(key, value, this.#now(), this.#generation);
  }

  /** What is kept under the key is not so any more: the next reader reads it again. */
  expire(key: string): void {
    this.#loads.delete(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.set(key, { ...entry, dueAt: -Infinity });
  }

  /**
   * As `expire`, for every key. `shown`: who asks while a load is under way is shown what it reads,
   * once, so that a stream of changes does not make each of them load.
   */
  expireAll(underWay: 'dropped' | 'shown' = 'dropped'): void {
    this.#generation += 1;
    if (underWay === 'dropped') this.#loads.clear();
  }

  #isDue(entry: Entry<T>, now: number): boolean {
    return now >= entry.dueAt || entry.generation !== this.#generation;
  }

  /** What there is, without reading; null when it is unknown or too old, or was not there. */
  #kept(key: string): Cached<T> | null {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.value === null) return null;
    const ageMs = this.#now() - entry.readAt;
    if (ageMs > this.#options.staleMs) {
      this.#drop(key, entry);
      return null;
    }
    this.#touch(key, entry);
    return { value: entry.value, ageMs, stale: true };
  }

  #load(key: string, since: number): Load<T> {
    const { maxLoads = Infinity, pauseMs = 0 } = this.#options;
    if (since < this.#pausedUntil) throw away();
    if (this.#loads.size >= maxLoads) throw busy();
    const generation = this.#generation;
    // What was put or expired meanwhile no longer has this load, and what it reads is not kept.
    const ends = (): boolean => this.#loads.get(key) === load && this.#loads.delete(key);
    const value = this.#options.load(key).then(
      (read) => {
        if (ends()) this.#keep(key, read, since, generation);
        return read;
      },
      (error: unknown) => {
        if (isAway(error)) this.#pausedUntil = this.#now() + pauseMs;
        if (ends()) this.#putOff(key, generation);
        throw error;
      },
    );
    const load: Load<T> = { since, value };
    this.#loads.set(key, load);
    // Readers may have lost patience by the time it fails.
    value.catch(() => undefined);
    return load;
  }

  #keep(key: string, value: T | null, readAt: number, generation: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    const { freshMs, maxSize, sizeOf, costShare = costShareDefault, absentMs = 0 } = this.#options;
    if (value === null && absentMs === 0) return;
    const size = value === null || sizeOf === undefined ? 1 : sizeOf(value);
    if (size > maxSize) return;
    const answerMs = value === null ? absentMs : freshMs;
    const dueAt = readAt + Math.max(answerMs, (this.#now() - readAt) * costShare);
    const entry = { value, size, readAt, dueAt, failed: false, generation, used: false };
    this.#entries.set(key, entry);
    this.#size += size;
    for (const [oldest, one] of this.#entries) {
      if (this.#size <= maxSize) break;
      this.#drop(oldest, one);
    }
  }

  /** Read again at once it would fail again. */
  #putOff(key: string, generation: number): void {
    const { retryMs = 0, staleMs } = this.#options;
    const entry = this.#entries.get(key);
    if (retryMs === 0 || entry === undefined || entry.value === null) return;
    const dueAt = Math.min(this.#now() + retryMs, entry.readAt + staleMs);
    this.#entries.set(key, { ...entry, dueAt, failed: true, generation });
  }

  #touch(key: string, entry: Entry<T>): void {
    entry.used = true;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  #drop(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#size -= entry.size;
  }
}

/** Whether it is settled within the time. */
async function inTime(work: Promise<unknown>, leftMs: number): Promise<boolean> {
  if (leftMs <= 0) return false;
  return new Promise((resolve) => {
    const timer = clock.after(leftMs, () => {
      resolve(false);
    });
    const end = (): void => {
      timer.close();
      resolve(true);
    };
    work.then(end, end);
  });
}

const away = (): Fault => new Fault('postgres', 'Postgres is away', { retryable: true });
const busy = (): Fault => new Fault('read-cache', 'too many reads at once', { retryable: true });
