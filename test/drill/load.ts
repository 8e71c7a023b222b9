/** The load: so many shoppers at once, one vendor, for as long as it is told. */
import { Client, wordOf } from './client.ts';
import { History, type Asked } from './history.ts';
import { askAgain } from './replays.ts';
import type { Account, Surroundings } from './around.ts';
import { askCommand, look, tryOnce, visit, visitSeveral } from './shopper.ts';
import { Vendor } from './vendor.ts';
import { Rng } from '../support/rng.ts';

export interface LoadOptions {
  readonly apis: readonly string[];
  readonly seed: number;
  readonly shoppersAtOnce: number;
  readonly accounts: number;
  /** Between two visits of one shopper. */
  readonly thinkMs: number;
  /** Units of an item, at least and at most. */
  readonly allotted?: readonly [number, number];
  /** Shoppers of one more sale, which has a line; default none. */
  readonly inLine?: number;
}

const vendorEveryMs = 1000;
/** Of the visits, those that want several products. */
const severalShare = 0.12;
const probesAtOnce = 4;
const lastPatienceMs = 60_000;

export class Load {
  readonly history = new History();
  readonly vendor: Vendor;
  readonly #options: LoadOptions;
  readonly #around: Surroundings;
  #visits = 0;
  #running: Promise<unknown> | null = null;
  #stopping = false;

  private constructor(options: LoadOptions, accounts: readonly Account[], client: Client) {
    this.#options = options;
    const rng = new Rng(options.seed);
    this.vendor = new Vendor(
      client,
      new Rng(options.seed + 1),
      this.history,
      options.allotted,
      (options.inLine ?? 0) > 0,
    );
    this.#around = {
      client,
      accounts,
      history: this.history,
      rng,
    };
  }

  /** Makes accounts and products; nothing runs yet. */
  static async prepare(options: LoadOptions): Promise<Load> {
    const client = new Client(options.apis, new Rng(options.seed + 2));
    const accounts: Account[] = [];
    for (let i = 0; i < options.accounts; i += 1) {
      const call = { method: 'POST', path: '/v1/sessions', token: '', body: {} } as const;
      const { answer } = await client.ask(call);
      accounts.push({ id: wordOf(answer, 'shopper_id'), token: wordOf(answer, 'token') });
    }
    const load = new Load(options, accounts, client);
    await load.vendor.found();
    return load;
  }

  get accounts(): readonly Account[] {
    return this.#around.accounts;
  }

  start(): void {
    if (this.#running !== null) return;
    this.#stopping = false;
    const { shoppersAtOnce, inLine = 0 } = this.#options;
    const shoppers = Array.from({ length: shoppersAtOnce + inLine }, (_, i) =>
      this.#shop(i >= shoppersAtOnce),
    );
    // A vendor who gets no answer sells no more: that is a broken promise, and no end of the run.
    const selling = this.#sell().catch((error: unknown) => {
      this.history.blame(`I11: vendor: ${error instanceof Error ? error.message : String(error)}`);
    });
    this.#running = Promise.all([selling, ...shoppers]);
  }

  /** Resolves when everybody has their last answer, or has given up for now. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = null;
  }

  /** Asks what is unknown again, by its key, and what could not be read. Answers how much is unknown still. */
  async resolveUnknown(): Promise<number> {
    const { unknown, unread } = this.history;
    for (const asked of unknown) await askCommand(this.#around, asked, lastPatienceMs);
    const orders = [...unread];
    unread.clear();
    for (const order of orders) await look(this.#around, order, lastPatienceMs);
    return this.history.unknown.length + unread.size;
  }

  /**
   * Some try once to hold: in the sale that lasts longest, rather in one without a line, and in the last
   * one when the vendor has none open, because it waits for an answer itself. Nobody before the first.
   */
  async probe(): Promise<readonly Asked[]> {
    const { openSales, lastSale } = this.vendor;
    const longest = openSales.toSorted((a, b) => b.until - a.until);
    const sale = longest.find(({ hasLine }) => !hasLine) ?? longest[0] ?? lastSale;
    if (sale === null) return [];
    return Promise.all(Array.from({ length: probesAtOnce }, () => tryOnce(this.#around, sale)));
  }

  /** Asks again what was accepted since the last time: nothing may come of it. */
  replay(): Promise<void> {
    return askAgain(this.#around);
  }

  async #shop(inLine: boolean): Promise<void> {
    while (!this.#stopping) {
      await this.visit(inLine);
      const { thinkMs } = this.#options;
      const { rng } = this.#around;
      await new Promise((resolve) => setTimeout(resolve, thinkMs * (0.5 + rng.next())));
    }
  }

  async #sell(): Promise<void> {
    while (!this.#stopping) await this.#round();
  }

  /** The vendor alone, for so long. */
  async sell(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (performance.now() < until) await this.#round();
  }

  async #round(): Promise<void> {
    await this.vendor.round();
    await new Promise((resolve) => setTimeout(resolve, vendorEveryMs));
  }

  /** One shopper comes, whatever others do. */
  async visit(inLine = false): Promise<void> {
    this.#visits += 1;
    if (!inLine && this.#around.rng.chance(severalShare) && this.vendor.openSales.length > 0) {
      await visitSeveral(this.#around, this.vendor.products);
      return;
    }
    const sales = this.vendor.openSales.filter(({ hasLine }) => hasLine === inLine);
    await visit(this.#around, sales);
  }

  get visits(): number {
    return this.#visits;
  }
}
