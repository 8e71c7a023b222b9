/** Watches the sale by its stats, and draws it: eight times a second, or a line each second. */
import { lineHead, lineOf, pictureOf, width } from './picture.ts';
import type { LineView, View } from './picture.ts';
import type { Screen } from './screen.ts';
import type { SaleStats, Shop } from './shop.ts';
import type { Tally } from './tally.ts';

const frameMs = 125;
const lineMs = 1000;
const statsMs = 250;
const rateOverMs = 1000;

interface Scene {
  readonly sale: string;
  readonly startsAt: number;
  readonly shoppers: number;
  readonly units: number;
  readonly tally: Tally;
  readonly line: () => LineView | null;
}

export class Show {
  /** Connections open so far. */
  connections = 0;
  stats: SaleStats | null = null;
  readonly #scene: Scene;
  readonly #shop: Shop;
  readonly #screen: Screen;
  readonly #timers: NodeJS.Timeout[] = [];
  #asking = false;
  #rates: { at: number; answers: number }[] = [];
  #answers = 0;
  #pulse: readonly number[] = Array.from({ length: width }, () => 0);

  constructor(scene: Scene, shop: Shop, screen: Screen) {
    this.#scene = scene;
    this.#shop = shop;
    this.#screen = screen;
  }

  start(): void {
    if (!this.#screen.draws) this.#screen.say(`\n${lineHead}`);
    this.#timers.push(
      setInterval(() => this.#frame(), this.#screen.draws ? frameMs : lineMs),
      setInterval(() => void this.#ask(), statsMs),
    );
  }

  /** Draws once more. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#frame();
  }

  #frame(): void {
    const view = this.#view();
    if (this.#screen.draws) this.#screen.draw(pictureOf(view));
    else this.#screen.say(lineOf(view));
  }

  #view(): View {
    const { shoppers, units, startsAt, tally } = this.#scene;
    const toBellMs = startsAt - this.#shop.clock.now();
    const { connections, stats } = this;
    this.#pulse = [...this.#pulse.slice(1), tally.answers - this.#answers];
    this.#answers = tally.answers;
    const pulse = this.#pulse;
    const answersPerSecond = this.#rate(tally.answers);
    const line = this.#scene.line();
    return { shoppers, units, toBellMs, connections, stats, answersPerSecond, pulse, tally, line };
  }

  /** Over the last second. */
  #rate(answers: number): number {
    const at = performance.now();
    this.#rates.push({ at, answers });
    while (this.#rates.length > 2 && at - (this.#rates[1]?.at ?? at) >= rateOverMs) {
      this.#rates.shift();
    }
    const first = this.#rates[0];
    if (first === undefined || at === first.at) return 0;
    return ((answers - first.answers) * 1000) / (at - first.at);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.stats = await this.#shop.stats(this.#scene.sale);
    } catch {
      // The next round asks again; what decides is asked at the end.
    } finally {
      this.#asking = false;
    }
  }
}
