/** A growing list of whole numbers in one typed array. */
const roomAtFirst = 64;

export class Ints {
  #data = new Int32Array(roomAtFirst);
  length = 0;

  push(value: number): void {
    if (this.length === this.#data.length) {
      const wider = new Int32Array(this.length * 2);
      wider.set(this.#data);
      this.#data = wider;
    }
    this.#data[this.length++] = value;
  }

  at(i: number): number {
    return this.#data[i] ?? 0;
  }

  clear(): void {
    this.length = 0;
  }

  append(other: Ints): void {
    for (let i = 0; i < other.length; i++) this.push(other.at(i));
  }

  /** Below zero when this one comes first: element by element, then by length. */
  compare(other: Ints): number {
    for (let i = 0; i < this.length && i < other.length; i++) {
      const difference = this.at(i) - other.at(i);
      if (difference !== 0) return difference;
    }
    return this.length - other.length;
  }
}

const scratch: Ints[] = [];

/**
 * Writes the encodings of equal processes in sorted order: states that differ only in which of them
 * did something encode alike.
 */
export function pushSorted<T>(
  out: Ints,
  processes: readonly T[],
  write: (out: Ints, process: T, index: number) => void,
): void {
  while (scratch.length < processes.length) scratch.push(new Ints());
  const parts = scratch.slice(0, processes.length);
  for (const [i, part] of parts.entries()) {
    part.clear();
    write(part, processes[i] as T, i);
  }
  if (parts.length > 1) parts.sort((a, b) => a.compare(b));
  for (const part of parts) out.append(part);
}
