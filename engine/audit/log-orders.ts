/**
 * Compares every event of the log with what became of it: its order's record in the lane or, when
 * the lane no longer has it, its row in Postgres; and every record with its events.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { LogEntry, OrderFact } from './entries.ts';
import type { Check } from './findings.ts';
import { keyOf, orderOf, tagOf } from './names.ts';
import { compare, nameOf, type Position } from './positions.ts';
import { recordStates, type RecordedOrder, type SaleReading } from './records.ts';
import { readOrdersOf, type OrderRow } from './tables.ts';

const lookupMax = 5000;

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
  take(entry: LogEntry): void {
    for (const fact of entry.orders) {
      if (this.#only !== null && fact.sale !== this.#only) continue;
      if (this.#away.has(fact.order)) continue;
      const sale = this.#sales.get(tagOf(fact.order));
      if (compare(fact, sale?.cut ?? this.#settled) > 0) continue;
      this.#check.checked += 1;
      const order = sale?.orders.get(keyOf(fact.order));
      if (sale === undefined || order === undefined) this.#unrecorded.push(fact);
      else this.#mark(sale, order, fact);
    }
  }

  #mark(sale: SaleReading, order: RecordedOrder, fact: OrderFact): void {
    if (fact.kind === 'held') {
      if (order.logHeld) this.#violate(fact, 'its order was held before');
      order.logHeld = true;
    } else {
      if (order.logEnd > 0) this.#violate(fact, 'its order had ended before');
      order.logEnd = recordStates.indexOf(fact.kind);
    }
    const wrong = [
      ...common(fact, order.shopper, order.item, `{${order.units.join(',')}}`),
      ...(fact.kind === 'held'
        ? unequal([
            ['fingerprint', fact.fingerprint, order.fingerprint],
            ['price', fact.price, sale.terms.items[order.item]?.price ?? 0],
          ])
        : []),
    ];
    if (wrong.length > 0) this.#violate(fact, `log ≠ record: ${wrong.join(', ')}`);
  }

  #violate(fact: OrderFact, says: string): void {
    this.#check.violate(fact.order, `${fact.kind} at ${nameOf(fact)}: ${says}`);
  }

  /** Looks up in Postgres what no record has. */
  async lookUp(q: Query): Promise<void> {
    const facts = this.#unrecorded;
    this.#unrecorded = [];
    for (let from = 0; from < facts.length; from += lookupMax) {
      const chunk = facts.slice(from, from + lookupMax);
      const rows = await readOrdersOf(q, [...new Set(chunk.map((fact) => fact.order))]);
      const byId = new Map(rows.map((row) => [row.id, row]));
      for (const fact of chunk) this.#compareRow(fact, byId.get(fact.order));
    }
  }

  #compareRow(fact: OrderFact, row: OrderRow | undefined): void {
    if (row === undefined) {
      this.#violate(fact, 'in no record, and not in Postgres');
      return;
    }
    const wrong = [
      ...common(fact, row.shopper, row.item, row.units),
      ...unequal(
        fact.kind === 'held'
          ? [
              ['price', fact.price, row.price],
              ['held at', fact.at, row.heldAt],
            ]
          : [
              ['ended at', fact.at, row.endedAt ?? 0],
              ['end key', fact.endKey, row.endKey],
            ],
      ),
    ];
    if (wrong.length > 0) this.#violate(fact, `log ≠ Postgres: ${wrong.join(', ')}`);
  }

  /**
   * Every record has its events in the log, if its hold is younger than the first entry that Kafka
   * keeps of its lane. To be called once records stand at their cuts and know when they were held.
   */
  checkRecords(keptSince: number): void {
    for (const sale of this.#sales.values()) {
      for (const order of sale.orders.values()) {
        const id = orderOf(sale.tag, order.key);
        if (order.state === 0 || this.#away.has(id)) continue;
        if (!order.logHeld && order.heldAt > keptSince) {
          this.#check.violate(id, 'its hold is not in the log');
        }
        const end = order.state > 1 ? order.state : 0;
        if (order.logHeld && end !== order.logEnd) {
          const [says, has] = [order.logEnd, end].map((n) => recordStates[n === 0 ? 1 : n] ?? '?');
          this.#check.violate(id, `${says} by the log, ${has} in its record`);
        }
      }
    }
  }
}

function common(fact: OrderFact, shopper: string, item: number, units: string): string[] {
  return unequal([
    ['shopper', fact.shopper, shopper],
    ['item', fact.item, item],
    ['units', `{${fact.units.join(',')}}`, units],
  ]);
}

function unequal(
  pairs: readonly (readonly [string, string | number, string | number])[],
): string[] {
  return pairs.filter(([, a, b]) => a !== b).map(([name, a, b]) => `${name} ${a} ≠ ${b}`);
}
