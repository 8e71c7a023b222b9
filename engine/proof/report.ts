/** What a check found: how much it looked at, and every violation, the first of them in words. */

export interface CheckResult {
  readonly name: string;
  /** What is compared with what. */
  readonly compares: string;
  readonly checked: number;
  readonly violations: number;
  /** The first violations, with ids. */
  readonly examples: readonly string[];
}

const examplesMax = 20;

/** Collects one check's findings. */
export class Check {
  readonly name: string;
  readonly compares: string;
  #checked = 0;
  #violations = 0;
  #examples: string[] = [];

  constructor(name: string, compares: string) {
    this.name = name;
    this.compares = compares;
  }

  /** Counts something looked at; when it does not hold, `say` tells what is wrong. */
  expect(holds: boolean, say: () => string): void {
    this.#checked += 1;
    if (holds) return;
    this.#violations += 1;
    if (this.#examples.length < examplesMax) this.#examples.push(say());
  }

  /** Counts many that were looked at together, of which these are wrong. */
  tally(checked: number, wrong: readonly string[]): void {
    this.#checked += checked;
    this.#violations += wrong.length;
    this.#examples.push(...wrong.slice(0, examplesMax - this.#examples.length));
  }

  result(): CheckResult {
    return {
      name: this.name,
      compares: this.compares,
      checked: this.#checked,
      violations: this.#violations,
      examples: this.#examples,
    };
  }
}
