/**
 * A lane's log: what Kafka keeps of it and what its outbox still holds, each position taken once.
 * Keeps of every payload a digest, of every event that the snapshot has not settled all.
 */
import { createHash } from 'node:crypto';
import { invariant, messageOf } from '../../platform/fault.ts';
import {
  orderIn,
  readLogEntry,
  type LogEntry,
  type OrderFact,
  type SaleFact,
  type TicketFact,
} from './entries.ts';
import type { Check } from './findings.ts';
import { compare, nameOf, type EpochEnds, type Position, type Span } from './positions.ts';

export interface LogBounds {
  /** The snapshot's watermark: what lies above it is kept. */
  readonly settled: Position;
  /** The lane's head, read after the end of the partition: nothing may lie above it. */
  readonly head: Position;
  readonly ends: EpochEnds;
  /** The epoch that the last `recover` began; 0 = none. */
  readonly recovered: number;
}

const sourceBits = { kafka: 1, outbox: 2 } as const;
export type Source = keyof typeof sourceBits;

/** 28 bits above those of the sources: a million of them are small integers. */
const digestOf = (bytes: Buffer): number =>
  (createHash('md5').update(bytes).digest().readUInt32BE(0) >>> 4) * 4;
const digestPart = ~3;

export class LaneLog {
  readonly lane: number;
  readonly bounds: LogBounds;
  messages = 0;
  /** Events above the snapshot's watermark, in the order of the log once `sortTail` has run. */
  readonly tail = new Map<string, OrderFact[]>();
  readonly saleTail = new Map<string, SaleFact[]>();
  /** By sale. */
  readonly ticketTail = new Map<string, TicketFact[]>();
  /** Decisions above the snapshot's watermark, by position. */
  readonly tailCounts: { place: Position; count: number; at: number }[] = [];
  /** Outcomes of lane commands in the log, by number. */
  readonly commands = new Map<number, SaleFact>();
  /** By epoch and sequence: digest of the payload, and who has it. */
  readonly #places = new Map<number, Map<number, number>>();
  /** Lane time of positions that Kafka has, and had not the one before it when it came. */
  readonly #starts = new Map<string, number>();
  readonly #check: Check;
  #before: Position & { readonly at: number } = { epoch: 0, seq: 0, at: 0 };

  /** `check` is told what is wrong with single entries. */
  constructor(lane: number, bounds: LogBounds, check: Check) {
    this.lane = lane;
    this.bounds = bounds;
    this.#check = check;
  }

  has(source: Source, { epoch, seq }: Position): boolean {
    return ((this.#places.get(epoch)?.get(seq) ?? 0) & sourceBits[source]) !== 0;
  }

  /** Lane time of a position that Kafka has behind one that it does not have. */
  keptSince(place: Position): number {
    const at = this.#starts.get(nameOf(place));
    invariant(at !== undefined, `${nameOf(place)} begins nothing in Kafka`);
    return at;
  }

  /** What of a span a source does not have, as runs. */
  holes(source: Source, { epoch, first, last }: Span): Span[] {
    const found: Span[] = [];
    let next = first;
    const there = [...(this.#places.get(epoch)?.keys() ?? [])].sort((a, b) => a - b);
    for (const seq of there) {
      if (seq < first || seq > last || !this.has(source, { epoch, seq })) continue;
      if (seq > next) found.push({ epoch, first: next, last: seq - 1 });
      next = seq + 1;
    }
    if (next <= last) found.push({ epoch, first: next, last });
    return found;
  }

  /** Takes one payload. Answers its entry when it is of the lane and its position is new. */
  take(source: Source, bytes: Buffer, claimed: Position | null): LogEntry | null {
    const check = this.#check;
    if (source === 'kafka') this.messages += 1;
    let entry: LogEntry;
    try {
      entry = readLogEntry(bytes);
    } catch (error) {
      const where = claimed === null ? `message ${this.messages}` : nameOf(claimed);
      check.violate(`lane ${this.lane} ${where}`, `${source}: ${messageOf(error)}`);
      return null;
    }
    if (claimed !== null && compare(claimed, entry) !== 0) {
      check.violate(this.#id(entry), `${source} has it at ${nameOf(claimed)}`);
    }
    if (!this.#isWithin(source, entry)) return null;
    if (source === 'kafka' && !this.has(source, { epoch: entry.epoch, seq: entry.seq - 1 })) {
      this.#starts.set(nameOf(entry), entry.at);
    }
    const places = this.#places.get(entry.epoch) ?? new Map<number, number>();
    this.#places.set(entry.epoch, places);
    const digest = digestOf(bytes);
    const known = places.get(entry.seq);
    if (known === undefined) {
      places.set(entry.seq, digest | sourceBits[source]);
      this.#look(entry);
      this.#keep(entry);
      return entry;
    }
    places.set(entry.seq, known | sourceBits[source]);
    if ((known & digestPart) !== digest) check.violate(this.#id(entry), 'two different payloads');
    return null;
  }

  /** Puts the tail into the order of the log: what came late stood in Kafka only. */
  sortTail(): void {
    for (const tail of [this.tail, this.saleTail, this.ticketTail]) {
      for (const facts of tail.values()) facts.sort(compare);
    }
    this.tailCounts.sort((a, b) => compare(a.place, b.place));
  }

  #id(place: Position): string {
    return `lane ${this.lane} ${nameOf(place)}`;
  }

  /** False = no lane can have decided it: it lies beyond an epoch's end or beyond the head. */
  #isWithin(source: Source, entry: LogEntry): boolean {
    const { ends, head, recovered } = this.bounds;
    const check = this.#check;
    if (!ends.has(entry.epoch)) {
      check.violate(this.#id(entry), `${source}: epoch ${entry.epoch} has not begun`);
      return false;
    }
    const end = ends.get(entry.epoch) ?? null;
    if (end !== null && entry.seq > end) {
      // What a recovery has given up may stay in Kafka for as long as it keeps anything.
      if (entry.epoch >= recovered) {
        check.violate(this.#id(entry), `${source}: beyond the epoch's end ${end}`);
      }
      return false;
    }
    if (compare(entry, head) > 0) {
      check.violate(this.#id(entry), `${source}: beyond the lane's head ${nameOf(head)}`);
      return false;
    }
    return true;
  }

  /** Looks at what an entry says of itself and of the one before it. */
  #look(entry: LogEntry): void {
    const check = this.#check;
    check.checked += 1;
    const events = entry.orders.length + entry.sales.length + entry.tickets.length;
    if (entry.count !== events) {
      check.violate(this.#id(entry), `says ${entry.count} decisions, has ${events}`);
    }
    const before = this.#before;
    const follows = before.epoch === entry.epoch && before.seq === entry.seq - 1;
    if (follows && before.at > entry.at) {
      check.violate(this.#id(entry), `lane time went back from ${before.at} to ${entry.at}`);
    }
    this.#before = { epoch: entry.epoch, seq: entry.seq, at: entry.at };
    if (entry.seq !== 0) return;
    const said = entry.before;
    const end = this.bounds.ends.get(entry.epoch - 1) ?? null;
    if (entry.epoch === 1 ? said !== null : said?.epoch !== entry.epoch - 1 || said.seq !== end) {
      const shown = said === null ? 'none' : nameOf(said);
      check.violate(this.#id(entry), `says the epoch before ended at ${shown}, not ${end ?? '?'}`);
    }
  }

  #keep(entry: LogEntry): void {
    for (const fact of entry.sales) if (fact.number > 0) this.commands.set(fact.number, fact);
    if (compare(entry, this.bounds.settled) <= 0) return;
    this.tailCounts.push({ place: entry, count: entry.count, at: entry.at });
    for (const fact of entry.orders) append(this.tail, orderIn(fact), fact);
    for (const fact of entry.sales) append(this.saleTail, fact.sale, fact);
    for (const fact of entry.tickets) append(this.ticketTail, fact.sale, fact);
  }
}

function append<T>(tail: Map<string, T[]>, name: string, fact: T): void {
  const facts = tail.get(name);
  if (facts === undefined) tail.set(name, [fact]);
  else facts.push(fact);
}
