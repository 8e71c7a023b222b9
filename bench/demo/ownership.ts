/**
 * The crowd's own proof, from nothing but the answers it got: no unit is held by two shoppers at
 * the same time, none is paid twice, none is taken before the bell. A hold's end is known only by
 * its deadline, a paid one never ends; all times are the server's.
 */

export interface Tenure {
  readonly order: string;
  readonly shopper: string;
  readonly from: number;
  until: number;
  paid: boolean;
}

export interface Taken {
  readonly order: string;
  readonly shopper: string;
  readonly units: readonly number[];
  readonly at: number;
  readonly deadline: number;
}

export class OwnershipCheck {
  readonly violations: string[] = [];
  readonly #units = new Map<number, Tenure[]>();
  readonly #orders = new Map<string, Taken>();
  readonly #opensAt: number;
  readonly #offered: number;
  #resold = 0;
  #paidUnits = 0;

  /** `opensAt` in ms of the server's clock; `offered` units are for sale. */
  constructor(opensAt: number, offered: number) {
    this.#opensAt = opensAt;
    this.#offered = offered;
  }

  get paidUnits(): number {
    return this.#paidUnits;
  }

  /** Units that somebody let go and somebody else paid. */
  get resold(): number {
    return this.#resold;
  }

  /** A hold was answered. The same answer twice is one hold. */
  held(taken: Taken): void {
    if (this.#orders.has(taken.order)) return;
    this.#orders.set(taken.order, taken);
    if (taken.at < this.#opensAt) this.#blame(`${taken.order} was held before the bell`);
    if (new Set(taken.units).size !== taken.units.length) {
      this.#blame(`${taken.order} holds a unit twice`);
    }
    for (const unit of taken.units) {
      const { order, shopper, at: from, deadline: until } = taken;
      const tenure: Tenure = { order, shopper, from, until, paid: false };
      const before = this.#units.get(unit) ?? [];
      this.#compare(unit, tenure, before);
      this.#units.set(unit, [...before, tenure]);
    }
    if (this.#units.size > this.#offered) {
      this.#blame(`${this.#units.size} different units of ${this.#offered} were taken`);
    }
  }

  /** An order was answered as paid, with these units. Paying the same order again is no sale. */
  paid(order: string, units: readonly number[]): void {
    const taken = this.#orders.get(order);
    if (taken === undefined) {
      this.#blame(`${order} was paid but never held`);
      return;
    }
    if ([...units].sort().join() !== [...taken.units].sort().join()) {
      this.#blame(`${order} was held with ${taken.units.join()}, paid with ${units.join()}`);
    }
    for (const unit of taken.units) this.#pay(unit, order);
  }

  #pay(unit: number, order: string): void {
    const tenures = this.#units.get(unit) ?? [];
    const tenure = tenures.find((one) => one.order === order);
    if (tenure === undefined || tenure.paid) return;
    tenure.paid = true;
    tenure.until = Infinity;
    this.#paidUnits++;
    const others = tenures.filter((one) => one !== tenure);
    if (others.some(({ from }) => from < tenure.from)) this.#resold++;
    this.#compare(unit, tenure, others);
  }

  #compare(unit: number, tenure: Tenure, others: readonly Tenure[]): void {
    for (const other of others) {
      if (other.until <= tenure.from || tenure.until <= other.from) continue;
      const what = tenure.paid && other.paid ? 'was sold twice' : 'was held by two at once';
      this.#blame(`unit ${unit} ${what}: ${other.order} (${other.shopper}) and ${tenure.order}`);
    }
  }

  #blame(what: string): void {
    this.violations.push(what);
  }
}
