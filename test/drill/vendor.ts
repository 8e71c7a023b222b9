/**
 * The vendor of the drill: products on every lane and, at any moment, a few flash sales that open,
 * run short, are topped up, paused, resumed and closed; some begin later, and are changed before.
 */
import { randomUUID } from 'node:crypto';
import type { Rng } from '../support/rng.ts';
import { wordOf, type Answer, type Call, type Client } from './client.ts';
import type { History, KnownChange } from './history.ts';

const supply = 5_000_000;
const productsCount = 4;
const salesAtOnce = 3;
const vendorPatienceMs = 90_000;
const liveMs = 25_000;
export const holdSeconds = 3;
export const turnSeconds = 3;
/** Shoppers join for so long before the bell of a line. */
const joinMs = 3000;
/** A sale that is changed before its bell comes so much later. */
const comingMs = 1500;
const [listPrice, hundred] = [20_000, 100];

export interface OpenSale {
  readonly id: string;
  readonly products: readonly string[];
  readonly until: number;
  readonly hasLine: boolean;
}

const startsIn = (ms: number): object => ({ starts_at: new Date(Date.now() + ms).toISOString() });

export class Vendor {
  readonly #client: Client;
  readonly #rng: Rng;
  readonly #allotted: readonly [number, number];
  #key = '';
  #names = 0;
  #products: string[] = [];
  #open: OpenSale[] = [];
  #last: OpenSale | null = null;
  readonly #made: string[] = [];
  readonly #withLine: boolean;
  readonly #history: History;

  /** `allotted` = units of an item, at least and at most: few, so that sales sell out. */
  constructor(
    client: Client,
    rng: Rng,
    history: History,
    allotted: readonly [number, number] = [60, 240],
    withLine = false,
  ) {
    this.#withLine = withLine;
    this.#history = history;
    this.#client = client;
    this.#rng = rng;
    this.#allotted = allotted;
  }

  /** Sales that take holds now, as far as the vendor knows. */
  get openSales(): readonly OpenSale[] {
    return this.#open;
  }

  /** The one that was made last, whether it is open or not. */
  get lastSale(): OpenSale | null {
    return this.#last;
  }

  get products(): readonly string[] {
    return this.#products;
  }

  /** Every sale that was ever made here. */
  get madeSales(): readonly string[] {
    return this.#made;
  }

  async found(): Promise<void> {
    const vendor = await this.#must({
      method: 'POST',
      path: '/v1/vendors',
      body: { name: 'Drill' },
    });
    this.#key = wordOf(vendor, 'key');
    for (let i = 0; i < productsCount; i += 1) await this.register();
    for (const id of this.#products) await this.#untilListed(id);
  }

  /** One more product; it is listed some time later. */
  async register(): Promise<void> {
    const body = {
      name: 'Laptop',
      description: 'A laptop',
      price_usd: 200,
      remaining_supply: supply,
    };
    const made = await this.#must({ method: 'POST', path: '/register-product', body });
    if (this.#products.length < productsCount) this.#products.push(wordOf(made, 'id'));
  }

  /** Each product gets another name. */
  async rename(): Promise<void> {
    this.#names += 1;
    const body = { name: `Laptop ${this.#names}` };
    for (const id of this.#products) {
      await this.#must({ method: 'PATCH', path: `/v1/products/${id}`, body });
    }
  }

  /** One round: ends what is over, does something to a sale now and then, opens what is missing. */
  async round(): Promise<void> {
    const now = Date.now();
    this.#open = this.#open.filter(({ until }) => until > now);
    const dice = this.#rng.next();
    const sale = this.#open[0];
    if (sale !== undefined && dice < 0.05) await this.#pauseAndResume(sale);
    else if (sale !== undefined && dice < 0.15) await this.#do(sale, 'top-up', { units: 20 });
    else if (sale !== undefined && dice < 0.17) {
      this.#open = this.#open.filter((one) => one !== sale);
      await this.#do(sale, 'close');
    } else if (sale !== undefined && dice < 0.22) {
      await this.#change(sale.id, { limit_per_shopper: 4 });
    }
    const most = salesAtOnce + (this.#withLine ? 1 : 0);
    while (this.#open.length < most) await this.#create();
  }

  async #create(): Promise<void> {
    const two = this.#rng.chance(0.3);
    const [first = '', second = ''] = this.#shuffled();
    const allotted = this.#rng.whole(...this.#allotted);
    const items = [
      { product_id: first, allotted, discount_percent: 50 },
      { product_id: second, allotted, discount_percent: 50 },
    ];
    // One of the open sales has a line, by turns a queue and a draw: a bell now and then.
    const hasLine = this.#withLine && !this.#open.some((one) => one.hasLine);
    const mode = this.#rng.pick(['queue', 'draw']);
    const line = { admission: { mode, turn_seconds: turnSeconds }, ...startsIn(joinMs) };
    const isChanged = this.#rng.chance(0.25);
    const body = {
      ...(hasLine ? line : isChanged ? startsIn(comingMs) : {}),
      ...(two ? { items } : items[0]),
      duration_seconds: Math.ceil(liveMs / 1000) + 5,
      limit_per_shopper: this.#rng.whole(2, 4),
      hold_seconds: holdSeconds,
    };
    const made = await this.#must({ method: 'POST', path: '/v1/sales', body });
    const id = wordOf(made, 'id');
    this.#made.push(id);
    const products = two ? [first, second] : [first];
    this.#last = { id, products, until: Date.now() + liveMs, hasLine };
    this.#open.push(this.#last);
    if (isChanged) await this.#changeTerms(id, products);
  }

  /** Before the bell, or shortly after: then it is refused. */
  async #changeTerms(id: string, products: readonly string[]): Promise<void> {
    const limit = { limit_per_shopper: this.#rng.whole(2, 4) };
    const percent = this.#rng.whole(30, 60);
    const items = products.map((product_id) => ({ product_id, discount_percent: percent }));
    const terms = this.#rng.chance(0.5) ? { ...limit, items } : limit;
    await this.#change(
      id,
      terms,
      'items' in terms ? (listPrice * (hundred - percent)) / hundred : null,
    );
    const [product_id] = products;
    if (!this.#rng.chance(0.3)) return;
    const allotted = this.#rng.whole(...this.#allotted);
    await this.#change(id, { items: [{ product_id, allotted }] });
  }

  /** `price` = of every item afterwards, minor units. */
  async #change(sale: string, body: object, price: number | null = null): Promise<void> {
    const askedAt = Date.now();
    const answer = await this.#ask({ method: 'PATCH', path: `/v1/sales/${sale}`, body });
    if (answer === null) throw new Error(`change of ${sale}: no answer`);
    const accepted = answer.status < 300;
    const limit = (body as { readonly limit_per_shopper?: number }).limit_per_shopper;
    const told: KnownChange = {
      ...{ sale, askedAt, accepted },
      ...(limit === undefined ? {} : { limit }),
      ...(price === null ? {} : { price }),
    };
    this.#history.changes.push(told);
    this.#history.seen[accepted ? 'changed' : 'change_refused'] += 1;
    if (!accepted && wordOf(answer, 'code') !== 'illegal_transition') {
      this.#history.blame(`change of ${sale}: ${answer.status} ${wordOf(answer, 'code')}`);
    }
  }

  #shuffled(): string[] {
    const left = [...this.#products];
    const out: string[] = [];
    while (left.length > 0) out.push(...left.splice(this.#rng.whole(0, left.length - 1), 1));
    return out;
  }

  async #pauseAndResume(sale: OpenSale): Promise<void> {
    await this.#do(sale, 'pause');
    await this.#do(sale, 'resume');
  }

  /** A sale may have ended meanwhile: then it is refused. */
  async #do(sale: OpenSale, what: 'pause' | 'resume' | 'close' | 'top-up', body?: object) {
    const call = { method: 'POST', path: `/v1/sales/${sale.id}/${what}` } as const;
    await this.#ask({ ...call, ...(body === undefined ? {} : { body }) });
  }

  async #untilListed(id: string): Promise<void> {
    for (;;) {
      const call = { method: 'GET', path: `/v1/registrations/${id}` } as const;
      const answer = await this.#ask(call);
      if (wordOf(answer, 'status') === 'listed') return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #ask(call: Omit<Call, 'token'>): Promise<Answer | null> {
    const key = call.method === 'GET' ? {} : { key: randomUUID() };
    const told = await this.#client.ask({ ...call, ...key, token: this.#key }, vendorPatienceMs);
    return told.answer;
  }

  async #must(call: Omit<Call, 'token'>): Promise<Answer> {
    const answer = await this.#ask(call);
    if (answer !== null && answer.status < 300) return answer;
    const says = answer === null ? 'no answer' : JSON.stringify(answer.json);
    throw new Error(`${call.method} ${call.path}: ${says}`);
  }
}
