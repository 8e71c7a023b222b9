/**
 * What the audit checks, by stable names, and what it found: how many things were looked at, how
 * many are wrong, the first of them by id. A check that could not run is no pass.
 */
import { invariant, messageOf } from '../../platform/fault.ts';

/** Every check and what it compares. docs/audit.md explains each; the order is that of the table. */
export const checkTable = {
  'lane.open': 'marker, epochs and server of each lane = Postgres; nothing is frozen',
  'lane.watermark': "the lane's copy ≤ Postgres ≤ head; its count of decisions = the log",
  'lane.doubt': 'what was accepted before the audit began has settled',
  'lane.commands': 'numbers without a gap; applied = settled + in the log',
  'lane.records': 'every record of a sale can be read as what it is',
  'lane.conservation': 'moves in − moves out = free + held + sold, recounted',
  'lane.counters': 'packed counters of sales and shoppers = the recount',
  'lane.unique': 'a unit number is live once, was issued, and is not free too',
  'lane.limits': 'held + sold units of each shopper ≤ the limit',
  'lane.deadlines': 'every hold stands in the deadline index at its deadline',
  'lane.lines': 'counts and places of every line = its tickets',
  'log.dense': 'no position is missing from Kafka and the outbox',
  'log.entries': 'one payload for a position, within its epoch; it says its own place and time',
  'log.orders': "every event that Kafka keeps = its order's record or row, and back",
  'match.orders': "every order: the lane's record = Postgres, both ways",
  'match.sales': "every sale: the lane's terms and state = Postgres",
  'match.details': 'e-mail and address are stored where the lane says so',
  'match.tickets': "every ticket: the lane's record = Postgres, both ways",
  'pg.orders': 'item, price, units, state and times of every order are possible',
  'pg.units': 'every owned unit has one row, every claimed row one owner',
  'pg.together': 'lines of an order: all there, of one shopper, with one deadline and one end',
  'pg.ledger': 'postings balance; one for each paid order, of price × units',
  'pg.supply': 'moves = allotted, per item; Σ allotted + in transit = supply, per product',
  'pg.moves': 'every move has the lane commands that its state says',
  'pg.lines': 'tickets, chain and draw of every line, recomputed',
  'pg.quarantine': 'no decision is put away',
  'pg.waiting': 'no event, product or creation is half made for over a minute',
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
  readonly compares: string;
  /** Things that were looked at. */
  checked = 0;
  violations = 0;
  readonly shown: Violation[] = [];
  /** Why it could not run; null = it ran. */
  failure: string | null = null;

  constructor(name: CheckName) {
    this.name = name;
    this.compares = checkTable[name];
  }

  violate(id: string, says: string): void {
    this.violateAll(1, [{ id, says }]);
  }

  /** Adds violations of which these are the first. */
  violateAll(total: number, first: readonly Violation[]): void {
    this.violations += total;
    this.shown.push(...first.slice(0, shownMax - this.shown.length));
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
  async attempt(names: readonly CheckName[], work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const name of names) this.of(name).failure ??= messageOf(error);
    }
  }
}
