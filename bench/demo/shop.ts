/** The vendor's side of the demo: a vendor, the laptop, a sale at noon, and what it shows of itself. */
import { randomUUID } from 'node:crypto';
import { bearer } from '../client/request-text.ts';
import type { Pool } from '../client/pool.ts';

export interface SaleStats {
  readonly state: string;
  readonly allotted: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly expired: number;
  readonly released: number;
  readonly attempts: number;
  readonly in_doubt: { readonly count: number; readonly age_ms: number };
}

interface Sale {
  readonly id: string;
  readonly starts_at: string;
  readonly server_time: string;
}

interface Registration {
  readonly id: string;
  readonly status: 'accepted' | 'listed' | 'rejected';
  readonly status_url: string;
  readonly reason?: string;
}

const listedMaxMs = 20_000;
const listedPauseMs = 50;
const clockRounds = 5;
/** The seed's own laptop: 30 of them stay in the standing sale. */
export const seedSupply = 30;
const halfPrice = 50;

/** The server's time, as near as a few round trips tell. */
export class ServerClock {
  #ahead = 0;
  #bestTripMs = Infinity;

  learn(sentAt: number, answeredAt: number, serverTime: string): void {
    const trip = answeredAt - sentAt;
    if (trip >= this.#bestTripMs) return;
    this.#bestTripMs = trip;
    this.#ahead = Date.parse(serverTime) - (sentAt + trip / 2);
  }

  /** Milliseconds since 1970. */
  now(): number {
    return performance.timeOrigin + performance.now() + this.#ahead;
  }
}

const localNow = (): number => performance.timeOrigin + performance.now();

export class Shop {
  readonly clock = new ServerClock();
  readonly #pool: Pool;
  #headers: Readonly<Record<string, string>> = {};
  product = '';

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** A new vendor with its key. */
  async found(name: string): Promise<void> {
    const call = { method: 'POST', path: '/v1/vendors', body: { name } } as const;
    const { key } = await this.#pool.json<{ key: string }>(call, 201);
    this.#headers = bearer(key);
  }

  /** The seed's laptop, with `units` more for the flash sale; answers when it is listed. */
  async register(units: number): Promise<void> {
    const body = {
      name: 'KUHL Laptop',
      description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
      price_usd: 200,
      remaining_supply: seedSupply + units,
    };
    const headers = { ...this.#headers, 'idempotency-key': randomUUID() };
    const call = { method: 'POST', path: '/register-product', headers, body } as const;
    const { id, status_url } = await this.#pool.json<Registration>(call, 202);
    this.product = id;
    const path = new URL(status_url, 'http://api').pathname;
    const until = performance.now() + listedMaxMs;
    for (;;) {
      const look = { method: 'GET', path, headers: this.#headers } as const;
      const { status, reason } = await this.#pool.json<Registration>(look, 200);
      if (status === 'listed') break;
      if (status === 'rejected') throw new Error(`the laptop was rejected: ${reason ?? ''}`);
      if (performance.now() > until) throw new Error('the laptop was not listed in time');
      await new Promise((resolve) => setTimeout(resolve, listedPauseMs));
    }
    await this.#readClock();
  }

  /** A flash sale that opens in `leadMs`; `startsAt` in the server's milliseconds. */
  async announce(
    units: number,
    leadMs: number,
    holdSeconds: number,
    admission: Readonly<Record<string, unknown>> = { mode: 'open' },
  ) {
    const wanted = new Date(Math.ceil((this.clock.now() + leadMs) / 1000) * 1000).toISOString();
    const body = {
      product_id: this.product,
      allotted: units,
      discount_percent: halfPrice,
      starts_at: wanted,
      duration_seconds: 3600,
      limit_per_shopper: 1,
      hold_seconds: holdSeconds,
      admission,
    };
    const headers = { ...this.#headers, 'idempotency-key': randomUUID() };
    const call = { method: 'POST', path: '/v1/sales', headers, body } as const;
    const { id, starts_at } = await this.#pool.json<Sale>(call, 201);
    return { sale: id, startsAt: Date.parse(starts_at) };
  }

  /** Moves the bell of a sale to `leadMs` from now; answers when it rings, in the server's milliseconds. */
  async move(sale: string, leadMs: number): Promise<number> {
    const body = { starts_at: new Date(this.clock.now() + leadMs).toISOString() };
    // The pool asks again, and a move that is made twice is another move.
    const headers = { ...this.#headers, 'idempotency-key': randomUUID() };
    const call = { method: 'PATCH', path: `/v1/sales/${sale}`, headers, body } as const;
    const { starts_at } = await this.#pool.json<Sale>(call, 200);
    return Date.parse(starts_at);
  }

  stats(sale: string): Promise<SaleStats> {
    const path = `/v1/sales/${sale}/stats`;
    return this.#pool.json<SaleStats>({ method: 'GET', path, headers: this.#headers }, 200);
  }

  /** From the laptop's standing sale, which is there since it is listed. */
  async #readClock(): Promise<void> {
    const path = `/v1/products/${this.product}`;
    const page = await this.#pool.json<{ sales: { id: string }[] }>({ method: 'GET', path }, 200);
    const standing = page.sales[0];
    if (standing === undefined) throw new Error('the listed laptop has no sale');
    for (let i = 0; i < clockRounds; i++) {
      const sentAt = localNow();
      const call = { method: 'GET', path: `/v1/sales/${standing.id}` } as const;
      const { server_time } = await this.#pool.json<Sale>(call, 200);
      this.clock.learn(sentAt, localNow(), server_time);
    }
  }
}
