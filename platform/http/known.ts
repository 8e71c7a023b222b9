/**
 * What was read and found right before, by its text: in a rush thousands ask the same of the same sale
 * (docs/decisions/0058-what-a-crowd-repeats.md). Bounded; what is kept is frozen, because many requests
 * share it.
 */

const keptMax = 256;
/** Longer ones are seldom the same. */
const lengthMax = 128;

export class Known<T> {
  #kept = new Map<string, T>();

  get(text: string): T | undefined {
    return this.#kept.get(text);
  }

  /** Keeps a flat object; when there are too many, all others are forgotten. */
  keep(text: string, value: T): void {
    if (text.length > lengthMax) return;
    if (this.#kept.size >= keptMax && !this.#kept.has(text)) this.#kept = new Map();
    this.#kept.set(text, Object.freeze(value));
  }
}
