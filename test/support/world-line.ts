/** A line of a world, step by step: shoppers join, the bell rings, the draw is made, turns begin. */
import { startDrawer } from '../../engine/drawer.ts';
import type { Admission, NewSale } from '../../engine/engine.ts';
import type { LineTicket } from '../../engine/domain/line/types.ts';
import type { Outcome } from '../../engine/domain/types.ts';
import { silent, until } from './environment.ts';
import type { WorldShop } from './world-shop.ts';
import type { World } from './world.ts';

export const queue: Admission = { mode: 'queue', ratePerSecond: null, turnSeconds: 60, factor: 1 };

/** How long shoppers have for joining before the bell, when a test does not say. */
const bellInMs = 700;

export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.value;
}

export class WorldLine {
  readonly #world: World;
  readonly #shop: WorldShop;
  readonly #starts = new Map<string, number>();
  #keys = 0;

  constructor(world: World, shop: WorldShop) {
    this.#world = world;
    this.#shop = shop;
  }

  /** A sale whose bell rings soon, with these shoppers in line. */
  async sale(
    vendor: string,
    items: NewSale['items'],
    shoppers: readonly string[],
    terms: Partial<NewSale> = {},
  ): Promise<string> {
    const startsAt = Date.now() + bellInMs;
    const all = { admission: queue, startsAt, ...terms };
    const sale = await this.#shop.sale(vendor, items, all);
    this.#starts.set(sale, all.startsAt);
    for (const shopper of shoppers) await this.join(sale, shopper);
    return sale;
  }

  async join(sale: string, shopper: string): Promise<LineTicket> {
    return valueOf(await this.ask(sale, shopper));
  }

  /** Asks for a place, whatever the answer. */
  ask(sale: string, shopper: string, idempotencyKey?: string): Promise<Outcome<LineTicket>> {
    const key = idempotencyKey ?? `join-${++this.#keys}`;
    return this.#world.lanes.line.join({ sale, shopper, verified: true, idempotencyKey: key });
  }

  /** Lets the bell ring, and settles it. */
  async ring(sale: string): Promise<void> {
    const { lanes, steps } = this.#world;
    const startsAt = this.#starts.get(sale) ?? 0;
    await until('it is time', () => Date.now() > startsAt);
    await until('the bell has rung', async () => {
      valueOf(await lanes.shop.touch(sale));
      return valueOf(await lanes.line.figures(sale)).bell !== null;
    });
    await steps.pump();
  }

  /** Draws, and gives every number to the lane. */
  async draw(sale: string): Promise<void> {
    const { db, lanes, steps } = this.#world;
    const drawer = startDrawer({ db, shop: lanes.shop, log: silent, onCommands: () => undefined });
    try {
      await until('it is drawn', async () => {
        await steps.pump();
        return valueOf(await lanes.line.figures(sale)).numbered;
      });
    } finally {
      await drawer.close();
    }
    await steps.pump();
  }

  async open(sale: string): Promise<void> {
    await this.ring(sale);
    await this.draw(sale);
  }

  async admit(sale: string, most: number): Promise<number> {
    return valueOf(await this.#world.lanes.line.admit(sale, most)).admitted;
  }

  async ticket(sale: string, shopper: string): Promise<LineTicket> {
    return valueOf(await this.#world.lanes.line.ticket(sale, shopper, false));
  }

  /** Shoppers by the numbers of their tickets. */
  async byNumber(sale: string, shoppers: readonly string[]): Promise<string[]> {
    const tickets = await Promise.all(
      shoppers.map(async (shopper) => ({ shopper, ...(await this.ticket(sale, shopper)) })),
    );
    return tickets.sort((a, b) => (a.number ?? 0) - (b.number ?? 0)).map((t) => t.shopper);
  }
}
