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
  judged: boolean;
  lost: number;
  oversold: number;
  violations: readonly string[];
}

export class Results {
  readonly #file: string;
  readonly #done: Result[] = [];

  /** Takes up what the file holds of this seed. */
  constructor(file: string, seed: number) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue;
      const one = JSON.parse(line) as Result | { readonly summary: unknown };
      if ('index' in one && one.seed === seed) this.#done.push(one);
    }
  }

  /** Faults, each part of a mixed one counted. */
  get count(): number {
    return this.#done.reduce((sum, { parts }) => sum + parts, 0);
  }

  get all(): readonly Result[] {
    return this.#done;
  }

  has(index: number): boolean {
    return this.#done.some((one) => one.index === index);
  }

  add(result: Result): void {
    this.#done.push(result);
    appendFileSync(this.#file, `${JSON.stringify(result)}\n`);
  }

  /** How often the interesting things happened. */
  summarise(seen: Readonly<Record<string, number>>, commands: number): void {
    appendFileSync(this.#file, `${JSON.stringify({ summary: { seen, commands } })}\n`);
  }
}
