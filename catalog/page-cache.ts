/**
 * Keeps what was read so that a page can be shown while Postgres is away: fresh for a moment, then
 * read again, and shown as stale for minutes when that fails. Bounded in bytes and in loads at a
 * time; one load per key however many ask.
 */
import { Fault } from '../platform/fault.ts';
import { isAway } from '../platform/postgres/errors.ts';

export interface PageCacheOptions<T> {
  readonly maxBytes: number;
  readonly freshMs: number;
  readonly staleMs: number;
  /** Loads at a time; what comes beyond is refused, or answered stale. */
  readonly maxLoads: number;
  /** How long nothing is asked once Postgres was away, so that nobody waits for the same time-out. */
  readonly pauseMs: number;
  /** How long a reader who could be shown an older page waits for the new one. */
  readonly patienceMs: number;
  /** A page that took long to read stays fresh so many times that long. Default 20; 0 = never. */
  readonly costShare?: number;
  readonly sizeOf: (value: T) => number;
  /** Null = there is no such thing. */
  readonly load: (key: string) => Promise<T | null>;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
}

export interface Cached<T> {
  readonly value: T;
  readonly ageMs: number;
  /** True when it could not be read again and is older than it should be. */
  readonly stale: boolean;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
  readonly readAt: number;
  readonly freshUntil: number;
  /** Another one than the cache's: it was expired with all others. */
  readonly generation: number;
  /** Used since it was read: it has been moved to the end, which is as exact as it needs to be. */
  used: boolean;
}

/** Reading a page that is dear takes a twentieth of the time at most. */
const costShareDefault = 20;

/**
 * An entry is fresh, then due (the next request reads it again), then stale if that fails, then
 * dropped. Least recently used goes first when the bytes run out.
 */
export class PageCache<T> {
  readonly #options: PageCacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #loads = new Map<string, Promise<T | null>>();
  #bytes = 0;
  #pausedUntil = -Infinity;
  #generation = 0;

  constructor(options: PageCacheOptions<T>) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is there and fresh, at once; null = it has to be read. */
  fresh(key: string): Cached<T> | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const now = this.#options.now();
    if (now >= entry.freshUntil || entry.generation !== this.#generation) return null;
    if (!entry.used) this.#touch(key, entry);
    return { value: entry.value, ageMs: now - entry.readAt, stale: false };
  }

  /**
   * The value, from memory while it is fresh. Throws what `load` threw when there is nothing to
   * show instead, or a retryable Fault when too much is being loaded or the pause is on.
   */
  async get(key: string): Promise<Cached<T> | null> {
    const fresh = this.fresh(key);
    if (fresh !== null) return fresh;
    const entry = this.#entries.get(key);
    try {
      const load = this.#loadOnce(key);
      const settled = entry === undefined || (await inTime(load, this.#options.patienceMs));
      const older = settled ? null : this.#kept(key);
      if (older !== null) return older;
      const value = await load;
      return value === null ? null : { value, ageMs: 0, stale: false };
    } catch (error) {
      const kept = this.#kept(key);
      if (kept === null) throw error;
      return kept;
    }
  }

  /** Keeps what the caller knows to be so now; a read that is under way does not write over it. */
  put(key: string, value: T): void {
    this.#loads.delete(key);
    this.#keep(key, value, this.#options.now(), this.#generation);
  }

  /** What is kept under the key is not so any more: the next reader reads it again. */
  expire(key: string): void {
    this.#loads.delete(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.set(key, { ...entry, freshUntil: -Infinity });
  }

  /** As `expire`, for every key; a read that is under way is shown to those who wait for it, once. */
  expireAll(): void {
    this.#generation += 1;
  }

  /** What there is, without reading; null when it is unknown or too old. */
  #kept(key: string): Cached<T> | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const ageMs = this.#options.now() - entry.readAt;
    if (ageMs > this.#options.staleMs) {
      this.#drop(key, entry);
      return null;
    }
    this.#touch(key, entry);
    return { value: entry.value, ageMs, stale: true };
  }

  #loadOnce(key: string): Promise<T | null> {
    const running = this.#loads.get(key);
    if (running !== undefined) return running;
    if (this.#options.now() < this.#pausedUntil) return Promise.reject(away());
    if (this.#loads.size >= this.#options.maxLoads) return Promise.reject(busy());
    const load: Promise<T | null> = this.#load(key, () => this.#loads.get(key) === load);
    this.#loads.set(key, load);
    load
      .finally(() => {
        if (this.#loads.get(key) === load) this.#loads.delete(key);
      })
      // Readers may have lost patience by the time it fails.
      .catch(() => undefined);
    return load;
  }

  /** `isCurrent`: whether what it reads still counts, or the key was put or expired meanwhile. */
  async #load(key: string, isCurrent: () => boolean): Promise<T | null> {
    const startedAt = this.#options.now();
    const generation = this.#generation;
    try {
      const value = await this.#options.load(key);
      if (isCurrent()) this.#keep(key, value, startedAt, generation);
      return value;
    } catch (error) {
      if (isAway(error)) this.#pausedUntil = this.#options.now() + this.#options.pauseMs;
      throw error;
    }
  }

  #keep(key: string, value: T | null, readAt: number, generation: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    if (value === null) return;
    const { freshMs, maxBytes, sizeOf, now, costShare = costShareDefault } = this.#options;
    const bytes = sizeOf(value);
    if (bytes > maxBytes) return;
    const freshUntil = readAt + Math.max(freshMs, (now() - readAt) * costShare);
    this.#entries.set(key, { value, bytes, readAt, freshUntil, generation, used: false });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= maxBytes) break;
      this.#drop(oldest, entry);
    }
  }

  #touch(key: string, entry: Entry<T>): void {
    entry.used = true;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  #drop(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** Whether it is settled within the time. */
async function inTime(work: Promise<unknown>, patienceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs);
  });
  const done = work.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([done, late]);
  clearTimeout(timer);
  return result;
}

const away = (): Fault => new Fault('postgres', 'Postgres is away', { retryable: true });
const busy = (): Fault => new Fault('catalog', 'too many pages at once', { retryable: true });
