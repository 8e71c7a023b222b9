/** Shoppers: each holds, pays, lets go or forgets, and asks again by the key what it was not told. */
import { fnv1a } from '../../engine/domain/fingerprint.ts';
import type { LaneOrder, Outcome } from '../../engine/domain/types.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Rng } from '../support/rng.ts';
import { askUntilTrue, isTrue, type Place } from './asking.ts';
import type { Asked, SaleHistory } from './history.ts';
import { LineVisit } from './line-visit.ts';

export const address = {
  name: 'Ada',
  line1: '1 Main St',
  city: 'Salem',
  postal_code: '97301',
  country: 'US',
};

const flashHoldMaxMs = 5000;

export class Shopper {
  readonly #place: Place;
  readonly #name: string;
  readonly #rng: Rng;
  #keys = 0;
  readonly #holds: Asked[] = [];
  readonly #line: LineVisit;

  /** `looksSeldom` = at their place in a line. */
  constructor(place: Place, name: string, looksSeldom: boolean) {
    this.#place = place;
    this.#name = name;
    this.#rng = place.scheduler.rng;
    this.#line = new LineVisit(place, name, looksSeldom);
  }

  /** Shops until `until`, virtual ms. */
  async shop(
    sales: readonly SaleHistory[],
    until: number,
    products: readonly string[],
  ): Promise<void> {
    const { scheduler } = this.#place;
    await scheduler.sleep(this.#rng.next() * 1500);
    while (scheduler.now < until) {
      const isSeveral = products.length > 1 && this.#rng.chance(0.4);
      if (isSeveral) await this.#buy(this.#several(products));
      else await this.#visit(this.#rng.pick(sales), until);
      await scheduler.sleep(this.#rng.next() * 400);
    }
  }

  /** Asks again, after everything has healed, whatever never had a true answer. */
  async settleUp(): Promise<void> {
    for (const asked of this.#place.history.asked) {
      if (asked.shopper === this.#name && !isTrue(asked.tellings.at(-1)?.outcome ?? null)) {
        await this.#ask(asked);
      }
    }
    await this.#line.settleUp();
  }

  async #visit(sale: SaleHistory, until: number): Promise<void> {
    const rng = this.#rng;
    // Seldom one tries without a turn.
    if (sale.line !== null && !rng.chance(0.1) && !(await this.#line.reach(sale, until))) return;
    await this.#buy(this.#hold(sale));
  }

  async #buy(asked: Asked): Promise<void> {
    const rng = this.#rng;
    const twice = rng.chance(0.15) ? this.#ask(asked) : null;
    const outcome = await this.#ask(asked);
    await twice;
    if (outcome?.kind !== 'done') return;
    const order = outcome.value;
    const what = rng.next();
    if (what < 0.45) await this.#pay(order);
    else if (what < 0.6) await this.#end('release', order);
    else if (what < 0.75) await this.#payLate(order, outcome.now);
    else if (what < 0.85) await Promise.all([this.#pay(order), this.#end('release', order)]);
    if (rng.chance(0.2)) await this.#end('read', order);
    if (rng.chance(0.2)) await this.#ask(asked);
  }

  /** A hold, seldom under a key that was used before for another body. */
  #hold(sale: SaleHistory): Asked {
    const rng = this.#rng;
    const old = this.#holds.length > 0 && rng.chance(0.08) ? rng.pick(this.#holds) : null;
    const quantity = rng.chance(0.1) ? sale.limit + 1 : rng.whole(1, Math.min(3, sale.limit));
    const asked = this.#place.history.ask({
      kind: 'hold',
      shopper: this.#name,
      sale: old?.sale ?? sale.id,
      key: old?.key ?? `${this.#name}-${++this.#keys}`,
      quantity,
      product: old?.product ?? sale.product,
      order: '',
    });
    this.#holds.push(asked);
    return asked;
  }

  /** An order of some of each product: all or none. */
  #several(products: readonly string[]): Asked {
    const lines = products.map((product) => ({ product, quantity: this.#rng.whole(1, 2) }));
    return this.#place.history.ask({
      ...{ kind: 'checkout', shopper: this.#name, sale: '', key: `${this.#name}-${++this.#keys}` },
      ...{ quantity: 0, product: '', order: '', lines },
    });
  }

  async #pay(order: LaneOrder): Promise<void> {
    const details = await this.#end('details', order);
    if (details?.kind === 'done') await this.#end('pay', order);
  }

  /** At the very end of the hold, where paying and expiry race. */
  async #payLate(order: LaneOrder, now: number): Promise<void> {
    await this.#end('details', order);
    const left = order.holdExpiresAt - now;
    // Nobody waits for the end of a standing sale's.
    if (left > flashHoldMaxMs) return;
    await this.#place.scheduler.sleep(left + (this.#rng.next() - 0.6) * 200);
    await this.#end('pay', order);
  }

  #end(
    kind: Exclude<Asked['kind'], 'hold' | 'checkout'>,
    order: LaneOrder,
  ): Promise<Outcome<LaneOrder> | null> {
    return this.#ask(
      this.#place.history.ask({
        kind,
        shopper: this.#name,
        sale: order.sale,
        key: `${this.#name}-${++this.#keys}`,
        quantity: order.units.length,
        product: order.product,
        order: order.id,
      }),
    );
  }

  #ask(asked: Asked): Promise<Outcome<LaneOrder> | null> {
    return askUntilTrue(this.#place, asked, (engine) => command(engine, asked));
  }
}

function command(engine: Engine, asked: Asked): Promise<Outcome<LaneOrder>> {
  const { shopper, sale, key: idempotencyKey, quantity, product, order } = asked;
  const end = { order, shopper, idempotencyKey };
  switch (asked.kind) {
    case 'hold':
      return new Promise((resolve) => {
        engine.hold({ sale, shopper, verified: true, quantity, product, idempotencyKey }, resolve);
      });
    case 'checkout':
      return engine.checkout({
        ...{ shopper, verified: true, idempotencyKey, fingerprint: JSON.stringify(asked.lines) },
        lines: () => Promise.resolve(asked.lines ?? []),
        details: { email: `${shopper}@example.com`, address },
      });
    case 'pay':
      return new Promise((resolve) => engine.pay(end, fnv1a('test'), resolve));
    case 'release':
      return new Promise((resolve) => engine.release(end, resolve));
    case 'details':
      return engine.storeDetails(order, shopper, { email: `${shopper}@example.com`, address });
    case 'read':
      return read(engine, asked);
  }
}

/** An order's document, as far as it says what a lane's record says. */
async function read(engine: Engine, { order, shopper }: Asked): Promise<Outcome<LaneOrder>> {
  const found = await engine.order(order, shopper);
  if (found.kind !== 'done') return found;
  const { value } = found;
  const [line] = value?.lines ?? [];
  if (value === null || line === undefined) {
    return { kind: 'rejected', rejection: { code: 'not_found' }, now: found.now };
  }
  const { id, sale, heldAt, holdExpiresAt } = value;
  const { product, units, price } = line;
  const state = value.state as LaneOrder['state'];
  return {
    ...found,
    value: {
      ...{ id, sale, shopper, state, item: 0, product, units, price, heldAt },
      holdExpiresAt,
      endedAt: null,
      details: 0,
    },
  };
}
