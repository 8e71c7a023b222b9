/**
 * Looks at what may have changed, a bounded number at a time. What is asked for once more while it is
 * looked at is looked at again afterwards: the answer under way may be older than the question.
 */

export interface LooksOptions {
  /** At the same time, of those that are asked one by one. */
  readonly atOnce: number;
  /** That wait for their turn; more are not taken. */
  readonly waitingMax: number;
}

type Look = () => Promise<unknown>;

export class Looks {
  readonly #options: LooksOptions;
  /** In the order of asking. */
  readonly #waiting = new Map<string, Look>();
  readonly #running = new Map<string, Look>();

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  /** `look` must not reject. False = too many wait: it is not taken. */
  ask(name: string, look: Look): boolean {
    if (!this.#waiting.has(name) && this.#waiting.size >= this.#options.waitingMax) return false;
    this.#waiting.set(name, look);
    this.#start();
    return true;
  }

  /** Whether what is asked for under this name may change what was told. */
  isAsked(name: string): boolean {
    return this.#waiting.has(name) || this.#running.has(name);
  }

  /** The look that runs under this name, if any, may be too old now: it is made once more. */
  again(name: string): void {
    const look = this.#running.get(name);
    if (look !== undefined) this.ask(name, look);
  }

  #start(): void {
    if (this.#running.size >= this.#options.atOnce) return;
    for (const [name, look] of this.#waiting) {
      if (this.#running.has(name)) continue;
      this.#waiting.delete(name);
      this.#running.set(name, look);
      void look().finally(() => {
        this.#running.delete(name);
        this.#start();
      });
      if (this.#running.size >= this.#options.atOnce) return;
    }
  }
}

/**
 * Takes items in rounds of `atOnce`, each once all of the round before are done. Answers of how many
 * the look did not succeed (`false`); it must not reject.
 */
export async function inRounds<T>(
  items: Iterable<T>,
  atOnce: number,
  look: (item: T) => Promise<boolean>,
): Promise<number> {
  let failed = 0;
  let round: Promise<boolean>[] = [];
  const finish = async (): Promise<void> => {
    for (const done of await Promise.all(round)) if (!done) failed += 1;
    round = [];
  };
  for (const item of items) {
    round.push(look(item));
    if (round.length >= atOnce) await finish();
  }
  await finish();
  return failed;
}
