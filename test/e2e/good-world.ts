/**
 * What the table of good requests is about, made real: a vendor with a product in a live sale, a
 * shopper with a hold, a spare key. Each good request can be asked as it stands, or with changes.
 */
import { textOf } from '../unit/api/bad-values.ts';
import { keyId, orderId, productId, saleId } from '../unit/api/fake-engine.ts';
import type { GoodRequest } from '../unit/api/good-requests.ts';
import { until } from '../support/environment.ts';
import type { Answer, Asked } from './client.ts';
import { Shop, text } from './shop.ts';
import type { Shopper } from './shop.ts';

export class GoodWorld {
  readonly shop: Shop;
  readonly vendor: string;
  readonly ann: Shopper;
  readonly product: string;
  readonly sale: string;
  /** From the table's own ids to those of things that are there; longest first: one begins another. */
  readonly #real: readonly (readonly [string, string])[];

  private constructor(
    shop: Shop,
    vendor: string,
    ann: Shopper,
    real: { product: string; sale: string; order: string; key: string },
  ) {
    this.shop = shop;
    this.vendor = vendor;
    this.ann = ann;
    this.product = real.product;
    this.sale = real.sale;
    const pairs: [string, string][] = [
      [productId, real.product],
      [saleId, real.sale],
      [orderId, real.order],
      [keyId, real.key],
    ];
    this.#real = pairs.sort(([a], [b]) => b.length - a.length);
  }

  static async make(): Promise<GoodWorld> {
    const shop = await Shop.shared();
    const [vendor, ann] = await Promise.all([shop.vendor(), shop.shopper()]);
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { limit_per_shopper: 2 });
    await shop.isIn(sale, 'live');
    const order = await shop.held(sale, ann);
    const key = text(await shop.must(201, 'POST', '/v1/api-keys', { token: vendor }), 'id');
    const world = new GoodWorld(shop, vendor, ann, { product, sale, order, key });
    await until('nothing is in doubt', async () => {
      const { in_doubt } = await shop.stats(sale, vendor);
      return (in_doubt as { count: number }).count === 0;
    });
    return world;
  }

  /** A request's text with the ids of things that are there. */
  made(textWithIds: string): string {
    return this.#real.reduce((made, [id, other]) => made.replaceAll(id, other), textWithIds);
  }

  /** Who may ask it; nothing for a public route. */
  tokenFor({ as }: GoodRequest): { token?: string } {
    if (as === 'nobody') return {};
    return { token: as === 'ann' ? this.ann.token : this.vendor };
  }

  /** What goes with a request, but for who asks. */
  carried(good: GoodRequest): Asked {
    return {
      ...(good.key === undefined ? {} : { key: good.key }),
      ...(good.body === undefined ? {} : { body: this.made(textOf(good.body)) }),
    };
  }

  /** The good request, with changes. */
  ask(good: GoodRequest, more: Asked = {}): Promise<Answer> {
    const asked = { ...this.tokenFor(good), ...this.carried(good), ...more };
    return this.shop.ask(good.method, this.made(good.path), asked);
  }
}

export const idPattern = /(?:sal|ord|prd|key)_[0-9a-z]+/;
