/**
 * Compares every event of the log with what became of it: its order's record in the lane or, when
 * the lane no longer has it, its row in Postgres; and every record with its events.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { orderIn, type LogEntry, type OrderFact } from './entries.ts';
import type { Check } from './findings.ts';
import { orderOf, tagOf } from './names.ts';
import { compare, nameOf, type Position } from './positions.ts';
import { recordStates, type RecordedOrder, type SaleReading } from './records.ts';
import { readOrdersOf, textOfUnits, type OrderRow } from './tables.ts';

/** Events that are kept for one look-up; an entry may add some more. */
const lookUpMost = 5000;

export class LogOrders {
  readonly #sales: ReadonlyMap<string, SaleReading>;
  readonly #away: ReadonlyMap<string, boolean>;
  readonly #settled: Position;
  readonly #only: string | null;
  readonly #check: Check;
  /** Of orders that are in no record: looked up in Postgres. */
  #unrecorded: OrderFact[] = [];

  /** `settled` = the watermark of the snapshot; `only` = the only sale to look at. */
  constructor(
    sales: ReadonlyMap<string, SaleReading>,
    away: ReadonlyMap<string, boolean>,
    settled: Position,
    only: string | null,
    check: Check,
  ) {
    this.#sales = sales;
    this.#away = away;
    this.#settled = settled;
    this.#only = only;
    this.#check = check;
  }

  /** Takes an entry whose position is new. What was put away has settled in its own way. */
  async take(q: Query, entry: LogEntry): Promise<void> {
    for (const fact of entry.orders) {
      if (this.#only !== null && fact.sale !== this.#only) continue;
      if (this.#away.size > 0 && this.#away.has(orderIn(fact))) continue;
      const sale = this.#sales.get(tagOf(fact.sale));
      if (compare(fact, sale?.cut ?? this.#settled) > 0) continue;
      this.#check.checked += 1;
      const order = sale?.orders.get(fact.key);
      if (sale === undefined || order === undefined) this.#unrecorded.push(fact);
      else this.#mark(sale, order, fact);
    }
    if (this.#unrecorded.length >= lookUpMost) await this.lookUp(q);
  }

  #mark(sale: SaleReading, order: RecordedOrder, fact: OrderFact): void {
    if (fact.kind === 'held') {
      if (order.logHeld) this.#violate(fact, 'its order was held before');
      order.logHeld = true;
    } else {
      if (order.logEnd > 0) this.#violate(fact, 'its order had ended before');
      order.logEnd = recordStates.indexOf(fact.kind);
    }
    const { shopper, item, units, fingerprint } = order;
    const price = sale.terms.items[item]?.price ?? 0;
    const known = { shopper, item, units: textOfUnits(units) };
    const wrong = differ(fact, fact.kind === 'held' ? { ...known, fingerprint, price } : known);
    if (wrong !== '') this.#violate(fact, `log ≠ record: ${wrong}`);
  }

  #violate(fact: OrderFact, says: string): void {
    this.#check.violate(orderIn(fact), `${fact.kind} at ${nameOf(fact)}: ${says}`);
  }

  /** Looks up in Postgres what no record has. */
  async lookUp(q: Query): Promise<void> {
    const facts = this.#unrecorded;
    this.#unrecorded = [];
    const rows = await readOrdersOf(q, [...new Set(facts.map(orderIn))]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const fact of facts) this.#compareRow(fact, byId.get(orderIn(fact)));
  }

  #compareRow(fact: OrderFact, row: OrderRow | undefined): void {
    if (row === undefined) {
      this.#violate(fact, 'in no record, and not in Postgres');
      return;
    }
    const { shopper, item, units, price, heldAt, endedAt, endKey } = row;
    const known = { shopper, item, units };
    const wrong = differ(
      fact,
      fact.kind === 'held'
        ? { ...known, price, at: heldAt }
        : { ...known, at: endedAt ?? 0, endKey },
    );
    if (wrong !== '') this.#violate(fact, `log ≠ Postgres: ${wrong}`);
  }

  /**
   * Every record has its events in the log, if its hold is younger than `keptSince`: since that
   * lane time Kafka keeps everything. Of an older one it may have lost any.
   * To be called once records stand at their cuts and know when they were held.
   */
  checkRecords(keptSince: number): void {
    for (const sale of this.#sales.values()) {
      for (const order of sale.orders.values()) {
        const id = orderOf(sale.tag, order.key);
        if (order.state === 0 || this.#away.has(id)) continue;
        const isKept = order.heldAt > keptSince;
        if (isKept && !order.logHeld) this.#check.violate(id, 'its hold is not in the log');
        const end = order.state > 1 ? order.state : 0;
        if (end !== order.logEnd && (isKept ? order.logHeld : order.logEnd > 0)) {
          const [says, has] = [order.logEnd, end].map((n) => recordStates[n === 0 ? 1 : n] ?? '?');
          this.#check.violate(id, `${says} by the log, ${has} in its record`);
        }
      }
    }
  }
}

type Known = Partial<Omit<OrderFact, 'units'>> & { readonly units: string };

/** What the log says otherwise, in words; '' = nothing. */
function differ(fact: OrderFact, known: Known): string {
  const wrong: string[] = [];
  for (const [name, value] of Object.entries(known)) {
    const said = name === 'units' ? textOfUnits(fact.units) : fact[name as keyof OrderFact];
    if (said !== value) wrong.push(`${name} ${String(said)} ≠ ${String(value)}`);
  }
  return wrong.join(', ');
}
