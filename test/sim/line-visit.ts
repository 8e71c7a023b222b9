/** What a shopper does at a sale with a line: joins, looks, waits for a turn, leaves, lets it lapse. */
import type { LineTicket } from '../../engine/domain/line/types.ts';
import type { Outcome } from '../../engine/domain/types.ts';
import type { Engine } from '../../engine/engine.ts';
import type { LineAsked, SaleHistory } from './history.ts';
import { askUntilTrue, isTrue, type Place } from './asking.ts';

const lookMs = 250;
/** Of one who has the page in the background. */
const seldomMs = 2000;

export class LineVisit {
  readonly #place: Place;
  readonly #name: string;
  readonly #lookMs: number;
  #keys = 0;

  constructor(place: Place, name: string, looksSeldom: boolean) {
    this.#place = place;
    this.#name = name;
    this.#lookMs = looksSeldom ? seldomMs : lookMs;
  }

  /** Answers whether there is a turn, by `until` (virtual ms) at the latest. */
  async reach(sale: SaleHistory, until: number): Promise<boolean> {
    const { scheduler } = this.#place;
    const { rng } = scheduler;
    const join = this.#asked('join', sale);
    const twice = rng.chance(0.1)
      ? this.#ask(rng.chance(0.5) ? join : this.#asked('join', sale))
      : null;
    let seen = await this.#ask(join);
    await twice;
    if (rng.chance(0.1)) await this.#ask(join);
    const leavesAt = scheduler.now + (rng.chance(0.15) ? rng.next() * 4000 : Infinity);
    while (seen?.kind === 'done' && seen.value.state === 'waiting' && scheduler.now < until) {
      if (scheduler.now > leavesAt) {
        await this.#ask(this.#asked('leave', sale));
        return false;
      }
      await scheduler.sleep(this.#lookMs * (0.5 + rng.next()));
      seen = await this.#ask(this.#asked('ticket', sale));
    }
    if (seen?.kind !== 'done' || seen.value.state !== 'admitted') return false;
    if (rng.chance(0.25)) await scheduler.sleep((sale.line?.turnMs ?? 0) * (0.9 + rng.next() / 2));
    return true;
  }

  /** Asks again, after everything has healed, whatever never had a true answer. */
  async settleUp(): Promise<void> {
    for (const asked of this.#place.history.lines) {
      const isOwn = asked.shopper === this.#name && asked.kind !== 'ticket';
      if (isOwn && !isTrue(asked.tellings.at(-1)?.outcome ?? null)) await this.#ask(asked);
    }
  }

  #asked(kind: LineAsked['kind'], sale: SaleHistory): LineAsked {
    const key = `${this.#name}-${kind}-${++this.#keys}`;
    const asked = { kind, shopper: this.#name, sale: sale.id, key, tellings: [] };
    this.#place.history.lines.push(asked);
    return asked;
  }

  #ask(asked: LineAsked): Promise<Outcome<LineTicket> | null> {
    return askUntilTrue(this.#place, asked, (engine) => command(engine, asked));
  }
}

function command(engine: Engine, asked: LineAsked): Promise<Outcome<LineTicket>> {
  const { kind, shopper, sale, key: idempotencyKey } = asked;
  if (kind === 'join') return engine.join({ sale, shopper, verified: true, idempotencyKey });
  if (kind === 'leave') return engine.leave({ sale, shopper, idempotencyKey });
  return engine.ticket({ sale, shopper, present: true });
}
