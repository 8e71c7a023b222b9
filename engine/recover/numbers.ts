/**
 * Unit numbers of one item, recounted from its orders: the next that was never issued, and which
 * issued ones are free. Numbers are issued one after the other, so every number below the next one
 * is owned, free, or was debited away. Pure.
 */
const firstBytes = 1024;

export class UnitNumbers {
  /** The lowest number that was never issued. */
  next = 1;
  held = 0;
  sold = 0;
  #taken = new Uint8Array(firstBytes);

  /** Numbers of an order, which owns them or once did. */
  issued(units: readonly number[], state: 'held' | 'sold' | 'ended'): void {
    for (const number of units) {
      if (state === 'ended') this.#passed(number);
      else this.gone(number);
    }
    if (state !== 'ended') this[state] += units.length;
  }

  #passed(number: number): void {
    if (number >= this.next) this.next = number + 1;
  }

  /** A number that is not free: owned, or debited away. Also then it was issued, whoever had it. */
  gone(number: number): void {
    this.#passed(number);
    const at = number >> 3;
    if (at >= this.#taken.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#taken.length * 2));
      larger.set(this.#taken);
      this.#taken = larger;
    }
    this.#taken[at] = (this.#taken[at] ?? 0) | (1 << (number & 7));
  }

  /** Issued numbers that are free again, ascending. */
  *returned(): Generator<number> {
    for (let number = 1; number < this.next; number++) {
      if (((this.#taken[number >> 3] ?? 0) & (1 << (number & 7))) === 0) yield number;
    }
  }
}
