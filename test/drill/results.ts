/**
 * Results of a run, one JSON line each: a fault's as soon as it is over, its judgement's when there
 * is one. Read again when a run is taken up, on the same commit; an unjudged fault is run again.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../../bench/arguments.ts';

export interface Result {
  readonly index: number;
  readonly fault: string;
  readonly kind: string;
  readonly seed: number;
  /** Of the code that was run (commit.ts); rows of before there was one have none. */
  readonly commit?: string;
  /** When it began: no two of a file began at once. */
  readonly at: string;
  /** From the injection to the heal. */
  readonly faultMs: number;
  /** From the heal until every api and lane serves, and what was decided by then has settled; null = it did not. */
  readonly recoveredMs: number | null;
  /** Faults at the same time. */
  readonly parts: number;
  /** Decisions in doubt when a disk was lost; null = nothing may be lost. */
  readonly inDoubt: number | null;
  /** Commands that had their answer, or gave up, from the injection on. */
  readonly commands: number;
  readonly saw503: number;
  /** From the first to the last moment at which somebody got a 503 or no answer. */
  readonly feltMs: number;
  /** No true answer within the client's ten seconds. */
  readonly unanswered: number;
  readonly longestMs: number;
  /** Of these commands, those that had no answer or a wrong one; rows of before do not say. */
  readonly untrue?: number;
  /** Why the fault was not brought about; '' = it was. */
  readonly notMet: string;
  /** What shows that it was, where that is not in the numbers; rows of before have none. */
  readonly sign?: string;
  judged: boolean;
  lost: number;
  oversold: number;
  violations: readonly string[];
}

/** Of the faults since the one before; what a disk took counts for the last of them. */
export interface Judgement {
  readonly seed: number;
  /** `at` of each. */
  readonly judged: readonly string[];
  readonly lost: number;
  readonly oversold: number;
  readonly violations: readonly string[];
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
      const one = JSON.parse(line) as Result | Judgement | Summary;
      if (one.seed !== seed) continue;
      if ('index' in one) this.#rows.push(one);
      else if ('seen' in one) this.#add(one.seen);
      else this.#judge(one);
    }
  }

  /** What was met, judged and survived. */
  get survived(): readonly Result[] {
    return this.#rows.filter(
      (one) => one.judged && one.notMet === '' && one.violations.length === 0,
    );
  }

  /** Commits of what is here; '' = of a row that does not say. */
  get commits(): readonly string[] {
    return [...new Set(this.#rows.map(({ commit = '' }) => commit))];
  }

  /** Throws a UsageError when rows of this seed come from other code than this. */
  mustContinue(commit: string): void {
    const other = this.commits.find((one) => one !== '' && one !== commit);
    if (other === undefined) return;
    throw new UsageError(
      `${this.#file} has faults that were run at commit ${other}, this is ${commit}: ` +
        'a run is taken up on the code that it began with; else give another --results or --seed',
    );
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

  /** What becomes of these, for all that come after. */
  judge(judgement: Judgement): void {
    this.#judge(judgement);
    appendFileSync(this.#file, `${JSON.stringify(judgement)}\n`);
  }

  summarise(summary: Summary): void {
    this.#add(summary.seen);
    appendFileSync(this.#file, `${JSON.stringify(summary)}\n`);
  }

  #judge({ judged, violations, lost, oversold }: Judgement): void {
    const rows = this.#rows.filter(({ at }) => judged.includes(at));
    for (const row of rows) {
      row.judged = true;
      row.violations = [...new Set([...row.violations, ...violations])];
    }
    const last = rows.at(-1);
    if (last !== undefined) [last.lost, last.oversold] = [lost, oversold];
  }

  #add(seen: Summary['seen']): void {
    for (const [name, times] of Object.entries(seen)) {
      this.#seen[name] = (this.#seen[name] ?? 0) + times;
    }
  }
}
