/** A vendor: registers products, creates flash sales, changes, pauses, tops up and closes them. */
import type { Admission, Engine, SaleChange, VendorOutcome } from '../../engine/engine.ts';
import type { SaleHistory } from './history.ts';
import type { Place } from './asking.ts';

const patienceMs = 60_000;
const pauseMs = 200;
const bellInMs = 1500;
/** So much longer before the bell of a line: shoppers join. */
const joinMs = 1500;
const [listPrice, hundred, discountPercent] = [20_000, 100, 50];
/** Around the bell: a change may come before it or after it. */
const changeWithinMs = 2200;

export const open: Admission = { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 };

export interface SaleTerms {
  readonly units: number;
  readonly limit: number;
  readonly seconds: number;
  readonly holdSeconds: number;
  readonly admission: Admission;
}

export class Vendor {
  readonly #place: Place;
  #id = '';
  #keys = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  async register(supply: number): Promise<string> {
    if (this.#id === '') {
      this.#id = await this.#until('a vendor', async (engine) => {
        const made = await engine.createVendor('Bob', 'vendor');
        return made.kind === 'done' ? made.value.id : null;
      });
    }
    const vendor = this.#id;
    const price = { amount: listPrice, currency: 'USD' };
    const body = { name: 'Laptop', price, remaining_supply: supply };
    const idempotencyKey = `register-${++this.#keys}`;
    const id = await this.#until('a registration', async (engine) => {
      const made = await engine.register({
        vendor,
        body,
        supply,
        fingerprint: 'f',
        idempotencyKey,
      });
      return made.kind === 'done' ? made.value.id : null;
    });
    this.#place.history.supply.set(id, supply);
    return id;
  }

  /** Creates a sale that begins as soon as its units are there. */
  async sell(product: string, terms: SaleTerms): Promise<SaleHistory> {
    const { history, scheduler } = this.#place;
    const idempotencyKey = `sale-${++this.#keys}`;
    const { admission } = terms;
    const { mode } = admission;
    const startsAt = scheduler.wall + bellInMs + (mode === 'open' ? 0 : joinMs);
    const sale = await this.#until('a sale', async (engine) => {
      const made = await engine.createSale({
        vendor: this.#id,
        items: [{ product, allotted: terms.units, discountPercent }],
        startsAt,
        durationSeconds: terms.seconds,
        limitPerShopper: terms.limit,
        holdSeconds: terms.holdSeconds,
        who: 'anyone',
        admission,
        fingerprint: 'f',
        idempotencyKey,
      });
      return made.kind === 'done' ? made.value : null;
    });
    const one: SaleHistory = {
      id: sale.id,
      product,
      limit: terms.limit,
      price: (listPrice * (hundred - discountPercent)) / hundred,
      holdMs: terms.holdSeconds * 1000,
      units: terms.units,
      offered: terms.units,
      startsAt: sale.startsAt,
      endsAt: sale.endsAt ?? Infinity,
      line:
        mode === 'open'
          ? null
          : { mode, turnMs: admission.turnSeconds * 1000, factor: admission.factor },
      closeAskedAt: Infinity,
      pauseAskedAt: Infinity,
      changedAt: [],
    };
    history.sales.set(sale.id, one);
    return one;
  }

  /** Some time around its bell: its limit and price, or its units. */
  async change(sale: SaleHistory): Promise<void> {
    const { scheduler, history } = this.#place;
    const { rng } = scheduler;
    await scheduler.sleep(rng.next() * changeWithinMs);
    const [limit, percent, units] = [rng.whole(1, 4), rng.whole(20, 60), rng.whole(1, 8)];
    const isUnits = rng.chance(0.4);
    const what: Omit<SaleChange, 'fingerprint'> = isUnits
      ? { items: [{ product: null, allotted: units }] }
      : { limitPerShopper: limit, items: [{ product: null, discountPercent: percent }] };
    const askedAt = scheduler.now;
    const change = {
      ...{ ...what, fingerprint: JSON.stringify(what) },
      idempotencyKey: `change-${++this.#keys}`,
    };
    // Until it is known: which terms hold must be foretold.
    const outcome = await this.#until('a change', async (engine) => {
      const told = await engine.changeSale(this.#id, sale.id, change);
      return told.kind === 'settling' ? null : told;
    });
    scheduler.note(() => `change ${sale.id} ${JSON.stringify([change, outcome])}`);
    if (outcome.kind !== 'done') {
      history.changesRefused.push(outcome.rejection.code);
      return;
    }
    // More units are a top-up, which may come at any time, and some time later.
    if (!isUnits || units < sale.units) sale.changedAt.push(askedAt);
    else history.raises += 1;
    if (isUnits) {
      sale.offered += Math.max(0, units - sale.units);
      sale.units = Math.min(units, sale.units);
    } else {
      sale.limit = limit;
      sale.price = (listPrice * (hundred - percent)) / hundred;
    }
  }

  /** Now and then changes a sale that runs. */
  async control(sale: SaleHistory, until: number): Promise<void> {
    const { scheduler, history } = this.#place;
    const { rng } = scheduler;
    while (scheduler.now < until) {
      await scheduler.sleep(rng.next() * 4000);
      const what = rng.next();
      const key = `control-${++this.#keys}`;
      if (what < 0.3) {
        sale.pauseAskedAt = Math.min(sale.pauseAskedAt, scheduler.wall);
        await this.#try((engine) => engine.pauseSale(this.#id, sale.id, key));
        await scheduler.sleep(rng.next() * 800);
        await this.#try((engine) => engine.resumeSale(this.#id, sale.id, `${key}-on`));
      } else if (what < 0.7) {
        const units = rng.whole(1, 3);
        const newStock = rng.chance(0.5);
        sale.offered += units;
        if (newStock) {
          history.supply.set(sale.product, (history.supply.get(sale.product) ?? 0) + units);
        }
        const top = { units, product: null, newStock, idempotencyKey: key };
        await this.#try((engine) => engine.topUp(this.#id, sale.id, top));
      } else if (what < 0.8) {
        sale.closeAskedAt = Math.min(sale.closeAskedAt, scheduler.wall);
        await this.#try((engine) => engine.closeSale(this.#id, sale.id, key));
      }
    }
  }

  /** Asks until there is something, whatever has died meanwhile. */
  async #until<T>(what: string, ask: (engine: Engine) => Promise<T | null>): Promise<T> {
    const { crew, scheduler } = this.#place;
    const until = scheduler.now + patienceMs;
    for (;;) {
      const found = await crew.ask(ask);
      if (found !== null) return found;
      if (scheduler.now > until) throw new Error(`not within ${patienceMs} ms: ${what}`);
      await scheduler.sleep(pauseMs);
    }
  }

  async #try(run: (engine: Engine) => Promise<VendorOutcome<unknown>>): Promise<void> {
    const { crew, scheduler } = this.#place;
    for (let tries = 0; tries < 4; tries++) {
      const outcome = await crew.ask(run);
      if (outcome !== null && outcome.kind !== 'settling') return;
      await scheduler.sleep(pauseMs);
    }
  }
}
