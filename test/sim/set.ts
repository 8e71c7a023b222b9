/**
 * A set of seeds: every one must hold, and together they must have been where it is dangerous. A set
 * that never sold out, raced an expiry or froze a lane has tested nothing, and fails.
 */
import type { Lab } from './lab.ts';
import { blowNames } from './plan.ts';
import { runSeed, type RunResult } from './run.ts';

/** What every set of some hundred seeds must have met, by the names under which runs count it. */
export const sometimes: readonly string[] = [
  ...blowNames,
  'refused sold_out',
  'refused limit_reached',
  'refused hold_expired',
  'refused idempotency_key_reused',
  'refused sale_ended',
  'refused not_admitted',
  'refused draw_closed',
  'several lines were held',
  'several lines were paid',
  'several lines expired',
  'refused lines_refused',
  'a sale was changed',
  'a change was refused',
  'a line was drawn',
  'a turn lapsed',
  'a place was left',
  'a late joiner',
  'one who was away was passed by',
  'a draw was cut by a crash',
  'replayed',
  'unknown',
  'no answer',
  'a gap was published again',
  'frozen',
  'recovered older',
  'a recovery stated a loss',
  'a recovery stated that nothing was lost',
  'a lane was judged at work',
  'decisions lost',
  'killed',
  'stopped',
  'a stopped api did it too late',
  'a batch was sent twice',
  'lock waited for',
  'script loaded',
  ...['redis', 'postgres', 'kafka'].flatMap((store) =>
    ['dropped', 'lost', 'late', 'dies-before', 'dies-after'].map((fate) => `${store} ${fate}`),
  ),
];

export class SeedSet {
  readonly seen = new Map<string, number>();
  readonly broken: RunResult[] = [];
  runs = 0;
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async run(seed: number): Promise<RunResult> {
    const result = await runSeed(this.#lab, seed);
    this.runs += 1;
    if (result.wrong.length > 0) this.broken.push(result);
    for (const [name, times] of result.seen) {
      this.seen.set(name, (this.seen.get(name) ?? 0) + times);
    }
    return result;
  }

  /** What never happened. */
  get missed(): string[] {
    return sometimes.filter((name) => (this.seen.get(name) ?? 0) === 0);
  }

  /** How to run each broken seed again, and what it broke. */
  get report(): string[] {
    return this.broken.map(
      ({ seed, wrong }) =>
        `npm run sim -- --seed ${seed} --count 1 --trace\n  ${wrong.join('\n  ')}`,
    );
  }
}
