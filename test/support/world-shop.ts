/** What vendors and shoppers do in a world, in a line each. Throws when it is refused. */
import { fnv1a } from '../../engine/domain/fingerprint.ts';
import type { LaneOrder, Outcome } from '../../engine/domain/types.ts';
import type { NewSale } from '../../engine/engine.ts';
import type { LaneSet } from '../../engine/lane-set.ts';
import { orderIdOf } from '../../engine/domain/ids.ts';
import { idSecretOf, lineKey } from '../../engine/lanes/order-key.ts';
import { writeOrderLines } from '../../engine/order-lines.ts';
import { register } from '../../engine/registrations.ts';
import { requestClose, writeTopUp } from '../../engine/sales/control.ts';
import { writeSale } from '../../engine/sales/create.ts';
import { openStanding, standingSaleId } from '../../engine/sales/standing.ts';
import { storeDetails } from '../../engine/orders.ts';
import { Vendors } from '../../engine/vendors.ts';
import type { World } from './world.ts';

const address = {
  name: 'Ada',
  line1: '1 Main St',
  city: 'Salem',
  postal_code: '97301',
  country: 'US',
};

function valueOf<T>(what: string, outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(`${what}: ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export interface Product {
  readonly id: string;
  readonly standing: string;
}

/** The people of one world; what they ask for is decided at once and settled by `world.steps`. */
export class WorldShop {
  readonly #world: World;
  readonly #lanes: LaneSet;
  #keys = 0;

  /** `lanes` = those of another process than the world's own. */
  constructor(world: World, lanes: LaneSet = world.lanes) {
    this.#world = world;
    this.#lanes = lanes;
  }

  async vendor(name = 'Bob'): Promise<string> {
    const made = await new Vendors(this.#world.db).create(name);
    if (made.kind !== 'done') throw new Error(`vendor: ${JSON.stringify(made)}`);
    return made.value.id;
  }

  /** Registers a product, and no more. */
  async register(vendor: string, supply: number, price = 20_000): Promise<string> {
    const { db, settings } = this.#world;
    const { currency } = settings;
    const body = { name: 'Laptop', price: { amount: price, currency }, remaining_supply: supply };
    const made = await register(db, idSecretOf(settings.idSecret), currency, {
      vendor,
      body,
      supply,
      fingerprint: 'test',
    });
    if (made.kind !== 'done') throw new Error(`register: ${JSON.stringify(made)}`);
    return made.value.id;
  }

  /** Registers a product and opens its standing sale, as publisher and opener do. */
  async product(vendor: string, supply: number, price = 20_000): Promise<Product> {
    const { db, settings, steps } = this.#world;
    const secret = idSecretOf(settings.idSecret);
    const id = await this.register(vendor, supply, price);
    await db.run('UPDATE platform.outbox SET published_at = now() WHERE key = $1', [id]);
    const { lanes, currency } = settings;
    await db.tx((q) => openStanding(q, secret, lanes, currency, { id, vendor, price, supply }));
    await steps.pump();
    return { id, standing: standingSaleId(secret, id, lanes) };
  }

  /** Writes a flash sale that starts at once, and no more: what an api does before it dies. */
  async writeSale(
    vendor: string,
    items: NewSale['items'],
    terms: Partial<NewSale> = {},
  ): Promise<string> {
    const { db, settings } = this.#world;
    const { lanes, currency } = settings;
    const { lineMax } = this.#world.config;
    const context = { secret: idSecretOf(settings.idSecret), lanes, currency, lineMax };
    const created = await db.tx((q) =>
      writeSale(q, context, {
        vendor,
        items,
        durationSeconds: 3600,
        limitPerShopper: 4,
        holdSeconds: 300,
        who: 'anyone',
        admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
        fingerprint: 'test',
        ...terms,
      }),
    );
    if (created === 'settling') throw new Error('sale: settling');
    if ('code' in created) throw new Error(`sale: ${created.code}`);
    return created.sale;
  }

  /** Creates a flash sale and brings it as far as it goes: live when it starts at once. */
  async sale(
    vendor: string,
    items: NewSale['items'],
    terms: Partial<NewSale> = {},
  ): Promise<string> {
    const { steps, lanes } = this.#world;
    const sale = await this.writeSale(vendor, items, terms);
    await steps.pump();
    valueOf('touch', await lanes.shop.touch(sale));
    await steps.pump();
    return sale;
  }

  /** Asks for a hold, whatever the answer: the same shopper and key ask for the same one. */
  ask(
    sale: string,
    shopper: string,
    idempotencyKey: string,
    quantity = 1,
    product = '',
  ): Promise<Outcome<LaneOrder>> {
    const command = { sale, shopper, verified: true, quantity, product, idempotencyKey };
    return new Promise((resolve) => this.#lanes.shop.hold(command, resolve));
  }

  async hold(sale: string, shopper: string, quantity = 1, product = ''): Promise<LaneOrder> {
    const key = `key-${++this.#keys}`;
    return valueOf('hold', await this.ask(sale, shopper, key, quantity, product));
  }

  /** Stores details, then pays. */
  async pay(order: LaneOrder): Promise<LaneOrder> {
    const { id, shopper } = order;
    const details = { email: `${shopper}@example.com`, address };
    valueOf('details', await storeDetails(this.#world.db, this.#lanes.shop, id, shopper, details));
    return valueOf('pay', await this.askToPay(order));
  }

  /** Pays with the details that there are, whatever the answer. */
  askToPay({ id, shopper }: LaneOrder): Promise<Outcome<LaneOrder>> {
    const command = { order: id, shopper, idempotencyKey: `key-${++this.#keys}` };
    return new Promise((resolve) => this.#lanes.shop.pay(command, fnv1a('test'), resolve));
  }

  async release({ id, shopper }: LaneOrder): Promise<LaneOrder> {
    const command = { order: id, shopper, idempotencyKey: `key-${++this.#keys}` };
    const released = new Promise<Outcome<LaneOrder>>((resolve) =>
      this.#lanes.shop.release(command, resolve),
    );
    return valueOf('release', await released);
  }

  /** An order of several lines, as a checkout makes it. */
  async holdLines(
    shopper: string,
    lines: readonly { sale: string; product: string; quantity: number }[],
  ): Promise<LaneOrder> {
    const secret = idSecretOf(this.#world.settings.idSecret);
    const key = `key-${++this.#keys}`;
    const written = lines.map(({ sale, ...line }, i) => {
      const order = orderIdOf(sale, lineKey(secret, shopper, sale, key, i));
      return { order, ...line };
    });
    await writeOrderLines(this.#world.db, written);
    const command = { shopper, verified: true, lines: written };
    return valueOf('hold', await this.#lanes.shopLines.hold(command));
  }

  /** Pays an order of several lines, with details, or lets it go. */
  async endLines(kind: 'pay' | 'release', { id, shopper, parts = [] }: LaneOrder) {
    const { shop, shopLines } = this.#lanes;
    if (kind === 'pay') {
      const details = { email: `${shopper}@example.com`, address };
      valueOf('details', await storeDetails(this.#world.db, shop, id, shopper, details));
    }
    const orders = [id, ...parts.map((part) => part.id)];
    const command = { order: id, shopper, idempotencyKey: `key-${++this.#keys}` };
    return valueOf(kind, await shopLines.end(kind, orders, command, fnv1a('test')));
  }

  /** New stock for an item of a sale. */
  async topUp(sale: string, product: Product, units: number, newStock: boolean): Promise<void> {
    const { db, steps } = this.#world;
    await db.tx((q) =>
      writeTopUp(q, {
        move: `mov_top_${++this.#keys}`,
        sale,
        item: 0,
        product: product.id,
        standing: product.standing,
        units,
        newStock,
      }),
    );
    await steps.pump();
  }

  /** Closes a sale; what is not held returns to the standing sale. */
  async close(sale: string): Promise<void> {
    await this.#world.db.tx((q) => requestClose(q, sale));
    await this.#world.steps.pump();
  }
}
