/** What the tests of this tier do again and again, over HTTP like anybody: vendors, sales, shoppers. */
import { inject } from 'vitest';
import { laneOfId } from '../../engine/domain/ids.ts';
import { ownName, until } from '../support/environment.ts';
import { Client } from './client.ts';
import type { Answer, Asked } from './client.ts';

/** The seed's own registration. */
export const laptop = {
  name: 'KUHL Laptop',
  description: 'A gaming laptop with 10 GB ram and 256 GB SSD',
  price_usd: 200,
  remaining_supply: 30,
} as const;

export const details = {
  email: 'ann@example.com',
  address: { name: 'Ann Ash', line1: '1 High Street', city: 'Noonville', country: 'DE' },
} as const;

export const testMethod = { method: { type: 'test' } } as const;

/** Puts an instant some milliseconds from now into a body. */
export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

type Json = Readonly<Record<string, unknown>>;

/** A text of an answer; throws when there is none. */
export function text(from: Answer | Json, name: string): string {
  const json = 'json' in from ? (from as Answer).json : from;
  const value = json[name];
  if (typeof value !== 'string') throw new Error(`no ${name} in ${JSON.stringify(json)}`);
  return value;
}

export interface Shopper {
  readonly id: string;
  readonly token: string;
}

/** The shop as its vendors and shoppers reach it. Each call that should succeed throws otherwise. */
export class Shop {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  /** The one of the stack that all files share. */
  static async shared(): Promise<Shop> {
    return new Shop(await Client.to(inject('stack').api));
  }

  ask(method: string, path: string, asked?: Asked): Promise<Answer> {
    return this.client.ask(method, path, asked);
  }

  /**
   * A vendor's command, which is answered once it has settled: asked again with the same key while
   * that takes longer than the api waits (503 `unavailable`).
   */
  async command(method: string, path: string, asked: Asked): Promise<Answer> {
    const keyed = { key: ownName('command'), ...asked };
    let answer = await this.ask(method, path, keyed);
    await until(`${method} ${path} is settled`, async () => {
      if (answer.json['code'] !== 'unavailable') return true;
      answer = await this.ask(method, path, keyed);
      return false;
    });
    return answer;
  }

  /** Throws when the answer has another status. */
  async must(status: number, method: string, path: string, asked?: Asked): Promise<Answer> {
    const answer = await this.ask(method, path, asked);
    if (answer.status === status) return answer;
    throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${answer.text}`);
  }

  /** A new vendor's key. */
  async vendor(): Promise<string> {
    const answer = await this.must(201, 'POST', '/v1/vendors', { body: { name: 'Bob' } });
    return text(answer, 'key');
  }

  async shopper(): Promise<Shopper> {
    const answer = await this.must(201, 'POST', '/v1/sessions');
    return { id: text(answer, 'shopper_id'), token: text(answer, 'token') };
  }

  async guest(): Promise<Shopper> {
    const answer = await this.must(201, 'POST', '/v1/guest-sessions');
    return { id: text(answer, 'shopper_id'), token: text(answer, 'token') };
  }

  /** Registers the laptop, with changes, and waits until it is listed. Answers its id. */
  async product(vendor: string, more: object = {}): Promise<string> {
    const body = { ...laptop, ...more };
    const answer = await this.must(202, 'POST', '/register-product', { token: vendor, body });
    await this.listed(vendor, text(answer, 'status_url'));
    return text(answer, 'id');
  }

  async listed(vendor: string, statusUrl: string): Promise<void> {
    await until(`${statusUrl} is listed`, async () => {
      const { json } = await this.must(200, 'GET', statusUrl, { token: vendor });
      return json['status'] === 'listed';
    });
  }

  async standingSaleOf(product: string): Promise<string> {
    const { json } = await this.must(200, 'GET', `/v1/products/${product}`);
    const sales = json['sales'] as readonly { id: string; kind: string }[];
    return sales.find(({ kind }) => kind === 'standing')?.id ?? '';
  }

  /** Two products whose standing sales one lane decides, and one that another does. */
  async neighbours(
    vendor: string,
    more: object = {},
  ): Promise<{ near: readonly [string, string]; far: string }> {
    const byLane = new Map<number, string[]>();
    for (;;) {
      const product = await this.product(vendor, more);
      const lane = laneOfId(await this.standingSaleOf(product));
      byLane.set(lane, [...(byLane.get(lane) ?? []), product]);
      const [most = [], ...others] = [...byLane.values()].sort((a, b) => b.length - a.length);
      const [one, two] = most;
      const far = others[0]?.[0];
      if (one !== undefined && two !== undefined && far !== undefined) {
        return { near: [one, two], far };
      }
    }
  }

  /** A product whose standing sale is decided where this one's is. */
  async neighbourOf(product: string, vendor: string, more: object = {}): Promise<string> {
    const lane = laneOfId(await this.standingSaleOf(product));
    for (;;) {
      const other = await this.product(vendor, more);
      if (laneOfId(await this.standingSaleOf(other)) === lane) return other;
    }
  }

  /** Units that the product's standing sale has free. */
  async free(vendor: string, product: string): Promise<unknown> {
    return (await this.stats(await this.standingSaleOf(product), vendor))['available'];
  }

  create(vendor: string, body: object, key = ownName('sale')): Promise<Answer> {
    return this.command('POST', '/v1/sales', { token: vendor, body, key });
  }

  /** Creates a flash sale of one product at half its price, with changes. Answers its id. */
  async sale(vendor: string, product: string, more: object = {}): Promise<string> {
    const body = { product_id: product, allotted: 3, discount_percent: 50, ...more };
    return text(await this.create(vendor, body), 'id');
  }

  async isIn(sale: string, state: string): Promise<void> {
    await until(`${sale} is ${state}`, async () => {
      const { json } = await this.must(200, 'GET', `/v1/sales/${sale}`);
      return json['state'] === state;
    });
  }

  /** A product of its own in a flash sale that is live. */
  async liveSale(vendor: string, more: object = {}, product: object = {}): Promise<string> {
    const sale = await this.sale(vendor, await this.product(vendor, product), more);
    await this.isIn(sale, 'live');
    return sale;
  }

  hold(
    sale: string,
    { token }: Shopper,
    quantity = 1,
    key = ownName('hold'),
    more: object = {},
  ): Promise<Answer> {
    const body = { quantity, ...more };
    return this.ask('POST', `/v1/sales/${sale}/holds`, { token, key, body });
  }

  /** Holds units and answers the order's id. */
  async held(sale: string, shopper: Shopper, quantity = 1, more: object = {}): Promise<string> {
    const answer = await this.hold(sale, shopper, quantity, ownName('hold'), more);
    if (answer.status !== 201) throw new Error(`not held: ${answer.text}`);
    return text(answer, 'id');
  }

  pay(
    order: string,
    { token }: Shopper,
    body: object = { ...testMethod, ...details },
    key = ownName('pay'),
  ): Promise<Answer> {
    return this.ask('POST', `/v1/orders/${order}/pay`, { token, key, body });
  }

  order(order: string, { token }: Shopper): Promise<Answer> {
    return this.ask('GET', `/v1/orders/${order}`, { token });
  }

  release(order: string, { token }: Shopper): Promise<Answer> {
    return this.ask('DELETE', `/v1/orders/${order}`, { token });
  }

  async orderIsIn(order: string, shopper: Shopper, state: string): Promise<void> {
    await until(`${order} is ${state}`, async () => {
      return (await this.order(order, shopper)).json['state'] === state;
    });
  }

  async stats(sale: string, vendor: string): Promise<Json> {
    return (await this.must(200, 'GET', `/v1/sales/${sale}/stats`, { token: vendor })).json;
  }

  control(what: 'pause' | 'resume' | 'close', sale: string, vendor: string): Promise<Answer> {
    return this.command('POST', `/v1/sales/${sale}/${what}`, { token: vendor });
  }
}
