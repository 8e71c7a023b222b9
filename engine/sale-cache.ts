/**
 * Sales by id, remembered: what a sale's terms say does not change, what of it has settled may be a
 * second old. While Postgres is away what was known last is the answer: a lane decides without it.
 */
import { clock } from '../platform/clock.ts';
import type { SaleId } from './domain/types.ts';
import type { StoredSale } from './sales/read.ts';

const rememberMs = 1000;
const rememberedMax = 10_000;
/** Whoever asks waits so long for what is newer than what is known. */
const patienceMs = 250;

interface Known {
  readonly sale: StoredSale | null;
  /** Until then nobody asks again. */
  until: number;
}

interface Reading {
  readonly since: number;
  readonly sale: Promise<StoredSale | null>;
}

export class SaleCache {
  readonly #read: (id: SaleId) => Promise<StoredSale | null>;
  /** The first was read longest ago. */
  readonly #known = new Map<SaleId, Known>();
  /** A crowd that asks at once asks once. */
  readonly #reading = new Map<SaleId, Reading>();

  constructor(read: (id: SaleId) => Promise<StoredSale | null>) {
    this.#read = read;
  }

  /** Null = no such sale. Rejects when nobody can say and nothing is known of it. */
  async read(id: SaleId): Promise<StoredSale | null> {
    const now = clock.now();
    const known = this.#known.get(id);
    if (known !== undefined && known.until > now) return known.sale;
    const reading = this.#reading.get(id) ?? this.#start(id, now);
    // A sale that was not there may be by now.
    if (known === undefined || known.sale === null) return reading.sale;
    const left = reading.since + patienceMs - now;
    return left <= 0 ? known.sale : firstOf(reading.sale, known.sale, left);
  }

  #start(id: SaleId, now: number): Reading {
    const sale = this.#read(id);
    const reading: Reading = { since: now, sale };
    this.#reading.set(id, reading);
    sale.then(
      (read) => {
        this.#end(id, reading, read);
      },
      () => {
        this.#end(id, reading, this.#known.get(id)?.sale ?? undefined);
      },
    );
    return reading;
  }

  /** `undefined` = nobody could say. What was forgotten while it was read is read again. */
  #end(id: SaleId, reading: Reading, sale: StoredSale | null | undefined): void {
    if (this.#reading.get(id) !== reading) return;
    this.#reading.delete(id);
    if (sale === undefined) return;
    this.#known.delete(id);
    this.#known.set(id, { sale, until: clock.now() + rememberMs });
    if (this.#known.size <= rememberedMax) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** It has changed: whoever asks next asks Postgres, and gets the old answer only if that is away. */
  forget(id: SaleId): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.until = Number.NEGATIVE_INFINITY;
    this.#reading.delete(id);
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
