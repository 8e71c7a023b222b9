/**
 * The stage of a scenario: a vendor with a product, sales that are open, shoppers with tokens, and
 * the requests by which each shopper takes one unit of each sale.
 */
import { gatherTokens } from '../demo/gather.ts';
import { Shop } from '../demo/shop.ts';
import { Pool } from '../client/pool.ts';
import { bearer } from '../client/request-text.ts';
import type { Next } from '../client/load.ts';
import type { StackInfo } from '../stack-info.ts';

/** No hold ends while it is measured, nor before the audit. */
const holdSeconds = 3600;
const openMaxMs = 15_000;
/** Without a step forward. */
const stalledMaxMs = 30_000;
const lookMs = 25;
const poolSize = 16;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Setting {
  readonly shop: Shop;
  readonly #pool: Pool;

  private constructor(pool: Pool) {
    this.#pool = pool;
    this.shop = new Shop(pool);
  }

  static async open(stack: Pick<StackInfo, 'apiUrl'>, units: number): Promise<Setting> {
    const setting = new Setting(new Pool(stack.apiUrl, poolSize));
    await setting.shop.found('Bench');
    await setting.shop.register(units);
    return setting;
  }

  get host(): string {
    return this.#pool.host;
  }

  /** Sales of `units` each, all of them live. */
  async openSales(count: number, units: number): Promise<string[]> {
    const announced = Array.from({ length: count }, () =>
      this.shop.announce(units, 0, holdSeconds),
    );
    const sales = (await Promise.all(announced)).map(({ sale }) => sale);
    for (const sale of sales) await this.untilLive(sale);
    return sales;
  }

  /** A sale with a line, its bell in `leadMs` from now; whoever joins stays in it. */
  async openLine(units: number, leadMs: number): Promise<string> {
    return (await this.openLineAt(units, leadMs)).sale;
  }

  /** `startsAt` in the server's milliseconds. */
  openLineAt(units: number, leadMs: number, mode: 'queue' | 'draw' = 'queue') {
    const admission = { mode, turn_seconds: holdSeconds };
    return this.shop.announce(units, leadMs, holdSeconds, admission);
  }

  async untilLive(sale: string): Promise<void> {
    await this.#until(openMaxMs, async () => (await this.shop.stats(sale)).state === 'live');
  }

  tokens(count: number): Promise<string[]> {
    return gatherTokens(this.#pool, count, () => undefined);
  }

  /** Units held in these sales. */
  async held(sales: readonly string[]): Promise<number> {
    const all = await Promise.all(sales.map((sale) => this.shop.stats(sale)));
    return all.reduce((sum, { held }) => sum + held, 0);
  }

  /** Until Postgres has every decision of the lanes of these sales; however long, if it goes on. */
  async settled(sales: readonly string[]): Promise<void> {
    for (const sale of sales) {
      let least = Infinity;
      let since = performance.now();
      for (;;) {
        const { count } = (await this.shop.stats(sale)).in_doubt;
        if (count === 0) break;
        if (count < least) since = performance.now();
        least = Math.min(least, count);
        if (performance.now() - since > stalledMaxMs) {
          throw new Error(`${count} decisions are in doubt and do not get fewer`);
        }
        await pause(lookMs);
      }
    }
  }

  close(): void {
    this.#pool.close();
  }

  async #until(maxMs: number, holds: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + maxMs;
    while (!(await holds())) {
      if (performance.now() > until) throw new Error('the stack did not get there in time');
      await pause(lookMs);
    }
  }
}

const body = '{"quantity":1}';

/** A shopper's hold: all but the first line of it, which names the sale. */
export function holdRests(host: string, tokens: readonly string[]): string[] {
  return tokens.map((token, i) => {
    const headers = { host, ...bearer(token), 'idempotency-key': `b${i}` };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return (
      `${lines.join('')}content-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`
    );
  });
}

export const holdLine = (sale: string): string => `POST /v1/sales/${sale}/holds HTTP/1.1\r\n`;

/** Each shopper in each sale once: sale by sale, as a crowd would. */
export class Turns {
  readonly #sales: string[] = [];
  readonly #shoppers: number;
  #turn = 0;

  constructor(shoppers: number) {
    this.#shoppers = shoppers;
  }

  add(sales: readonly string[]): void {
    this.#sales.push(...sales);
  }

  get left(): number {
    return this.#sales.length * this.#shoppers - this.#turn;
  }

  get taken(): number {
    return this.#turn;
  }

  get sales(): readonly string[] {
    return this.#sales;
  }

  /** The sale that is sold now. */
  get sale(): string | undefined {
    return this.#sales[Math.floor(this.#turn / this.#shoppers)];
  }

  /** Null when every shopper has been in every sale. */
  next(): { readonly sale: string; readonly shopper: number } | null {
    const { sale } = this;
    if (sale === undefined) return null;
    return { sale, shopper: this.#turn++ % this.#shoppers };
  }
}

/** The requests of these turns. */
export function holdsOf(turns: Turns, rests: readonly string[]): Next {
  return () => {
    const turn = turns.next();
    if (turn === null) return null;
    return holdLine(turn.sale) + (rests[turn.shopper] ?? '');
  };
}
