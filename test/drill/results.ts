/** Results of a run, one JSON line each: written at once, read again when a run is taken up. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Result {
  readonly index: number;
  readonly fault: string;
  readonly kind: string;
  readonly seed: number;
  readonly at: string;
  /** From the injection to the heal. */
  readonly faultMs: number;
  /** From the heal until every api and lane serves; null = it did not. */
  readonly recoveredMs: number | null;
  /** Faults at the same time. */
  readonly parts: number;
  /** Decisions in doubt when a disk was lost; null = nothing may be lost. */
  readonly inDoubt: number | null;
  /** Commands that were begun from the injection on. */
  readonly commands: number;
  readonly saw503: number;
  /** From the first to the last moment at which somebody got a 503 or no answer. */
  readonly feltMs: number;
  /** No true answer within the client's ten seconds. */
  readonly unanswered: number;
  readonly longestMs: number;
  /** Why the fault was not brought about; '' = it was. */
  readonly notMet: string;
  judged: boolean;
  lost: number;
  oversold: number;
  violations: readonly string[];
}

/** The last line of a run, or of the part of it that was run at a time. */
export interface Summary {
  readonly seed: number;
  readonly seen: Readonly<Record<string, number>>;
  readonly commands: number;
}

export class Results {
  readonly #file: string;
  readonly #rows: Result[] = [];
  readonly #seen: Record<string, number> = {};

  /** Takes up what the file holds of this seed: what was not survived, or not met, is run again. */
  constructor(file: string, seed: number) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue;
      const one = JSON.parse(line) as Result | Summary;
      if (one.seed !== seed) continue;
      if ('index' in one) this.#rows.push(one);
      else this.#add(one.seen);
    }
  }

  /** What was met and survived. */
  get survived(): readonly Result[] {
    return this.#rows.filter((one) => one.notMet === '' && one.violations.length === 0);
  }

  /** Faults, each part of a mixed one counted. */
  get count(): number {
    return this.survived.reduce((sum, { parts }) => sum + parts, 0);
  }

  /** How often the interesting things happened, every time the run was taken up. */
  get seen(): Readonly<Record<string, number>> {
    return this.#seen;
  }

  /** What of a plan is still to be run, with its places: by name, so a plan may grow meanwhile. */
  left<T extends { readonly name: string }>(plan: readonly T[]): (readonly [number, T])[] {
    const done = new Map<string, number>();
    for (const { fault } of this.survived) done.set(fault, (done.get(fault) ?? 0) + 1);
    return [...plan.entries()].filter(([, { name }]) => {
      const times = done.get(name) ?? 0;
      done.set(name, times - 1);
      return times <= 0;
    });
  }

  add(result: Result): void {
    this.#rows.push(result);
    appendFileSync(this.#file, `${JSON.stringify(result)}\n`);
  }

  summarise(summary: Summary): void {
    this.#add(summary.seen);
    appendFileSync(this.#file, `${JSON.stringify(summary)}\n`);
  }

  #add(seen: Summary['seen']): void {
    for (const [name, times] of Object.entries(seen)) {
      this.#seen[name] = (this.#seen[name] ?? 0) + times;
    }
  }
}
