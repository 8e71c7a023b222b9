/**
 * What the audit checks, by stable names, and what it found: how many things were looked at, how
 * many are wrong, the first of them by id. A check that could not run is no pass.
 */
import { invariant, messageOf } from '../../platform/fault.ts';

/** Every check and what it compares. docs/audit.md explains each; the order is that of the table. */
export const checkTable = {
  'lane.open': 'marker, epoch and server of each lane = Postgres; nothing frozen',
  'lane.watermark': "the lane's copy ≤ Postgres ≤ head, its decisions counted",
  'lane.doubt': 'what was accepted before the audit began has settled',
  'lane.commands': 'numbers without a gap; applied = settled + in the log',
  'lane.records': 'every record of a sale can be read as what it is',
  'lane.conservation': 'moves in − moves out = free + held + sold, recounted',
  'lane.counters': 'packed counters of sales and shoppers = the recount',
  'lane.unique': 'a unit number is live once, was issued, and is not free too',
  'lane.limits': 'held + paid units of each shopper ≤ the limit',
  'lane.deadlines': 'every hold stands in the deadline index at its deadline',
  'log.dense': 'no position is missing from outbox and Kafka',
  'log.entries': 'one payload for a position; it says its own place and time',
  'log.epochs': 'each epoch follows the end of the one before',
  'log.orders': "every event of the log = its order's record or row",
  'match.orders': "every order: the lane's record = Postgres, both ways",
  'match.sales': "every sale: the lane's terms and state = Postgres",
  'match.details': 'e-mail and address are stored where the lane says so',
  'pg.orders': 'sale, item, price, state and times of every order',
  'pg.units': 'every owned unit has one row, every claimed row one owner',
  'pg.ledger': 'postings balance; one for each paid order, price × units',
  'moves.allotted': 'moves in − moves out = allotted, per item',
  'moves.supply': 'Σ allotted + in transit = supply, per product',
  'moves.commands': 'every move has the lane commands that its state says',
  quarantine: 'no decision is put away',
  'outbox.published': 'no row has waited for Kafka for more than a minute',
  'products.opened': 'nothing registered or created is half made after a minute',
} as const;

export type CheckName = keyof typeof checkTable;

export const checkNames = Object.keys(checkTable) as CheckName[];

export interface Violation {
  /** Of what is wrong: an order, a sale's item, a lane, a position, a move. */
  readonly id: string;
  readonly says: string;
}

const shownMax = 20;

export class Check {
  readonly name: CheckName;
  readonly compared: string;
  /** Things that were looked at. */
  checked = 0;
  violations = 0;
  readonly shown: Violation[] = [];
  /** Why it could not run; null = it ran. */
  failure: string | null = null;

  constructor(name: CheckName) {
    this.name = name;
    this.compared = checkTable[name];
  }

  violate(id: string, says: string): void {
    this.violations += 1;
    if (this.shown.length < shownMax) this.shown.push({ id, says });
  }

  /** Adds violations that were counted elsewhere, of which these are the first. */
  violateAll(total: number, first: readonly Violation[]): void {
    this.violations += total;
    this.shown.push(...first.slice(0, Math.max(0, shownMax - this.shown.length)));
  }
}

export class Findings {
  readonly #checks = new Map(checkNames.map((name) => [name, new Check(name)] as const));

  of(name: CheckName): Check {
    const check = this.#checks.get(name);
    invariant(check !== undefined, `no check ${name}`);
    return check;
  }

  get all(): readonly Check[] {
    return [...this.#checks.values()];
  }

  /** Runs what fills these checks; if it throws, none of them has passed. */
  async attempt(names: readonly CheckName[], work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const name of names) this.of(name).failure ??= messageOf(error);
    }
  }
}
