/**
 * Writes one sale into a lane that is being rebuilt: terms, counts, records, deadline index and
 * returned numbers, as lua/include/ reads them. Orders come one shopper after the other, so memory
 * is bounded by the sale's live holds and by one bit for each unit number.
 */
import { AssertionFailed } from '../../platform/fault.ts';
import type { Position } from '../domain/contiguity.ts';
import { headMax } from '../domain/lane/record.ts';
import type { ShopperRecord } from '../domain/lane/state.ts';
import type { Millis } from '../domain/types.ts';
import { pack } from '../lanes/codec.ts';
import { saleStates } from '../lanes/codes.ts';
import { laneKeys, pushSaleKeys } from '../lanes/keys.ts';
import type { LaneWriter } from './lane-writer.ts';
import { LineWriter } from './line-writer.ts';
import { UnitNumbers } from './numbers.ts';
import type { SaleRow } from './sale-rows.ts';
import { fieldsOf, recordOf } from './shopper.ts';
import { ticketOf, type LineRow, type ShopperRows } from './ticket-rows.ts';

/** Returned numbers wait at score item × span + number, counted from item 1 (include/units.lua). */
const span = 100_000_000;
/** Holds that one member of the deadline index names: as many as a batch takes. */
const namesMax = 256;
const numbersPerWrite = 500;
const fieldsPerWrite = 500;

export class SaleWriter {
  readonly #writer: LaneWriter;
  readonly #sale: SaleRow;
  readonly #duesKey: string;
  readonly #keys: { terms: string; records: string; due: string; returned: string };
  /** Members of the deadline index carry a position that no batch will take again. */
  readonly #end: Position;
  readonly #items: UnitNumbers[];
  readonly #due = new Map<Millis, string[]>();
  #members = 0;
  #firstDue: Millis | null = null;
  #expired = 0;
  #released = 0;
  readonly #line: LineWriter | null;
  orders = 0;
  holds = 0;

  constructor(
    writer: LaneWriter,
    lane: number,
    sale: SaleRow,
    line: LineRow | null,
    end: Position,
  ) {
    this.#writer = writer;
    this.#sale = sale;
    this.#end = end;
    this.#duesKey = laneKeys(lane).dues;
    const keys: string[] = [];
    pushSaleKeys(keys, lane, sale.id);
    const [terms = '', records = '', due = '', returned = ''] = keys;
    this.#keys = { terms, records, due, returned };
    this.#line = line === null ? null : new LineWriter(writer, lane, sale.id, line);
    this.#items = sale.items.map(() => new UnitNumbers());
    for (const [item, number] of sale.gone) this.#item(item).gone(number);
  }

  #item(index: number): UnitNumbers {
    const item = this.#items[index];
    if (item === undefined) throw new AssertionFailed(`${this.#sale.id} has no item ${index}`);
    return item;
  }

  /** Writes a shopper's orders, in the order in which they were held, and their tickets. */
  async shopper({ shopper: name, orders: rows, tickets }: ShopperRows): Promise<void> {
    const ticket = ticketOf(tickets, rows);
    const record = recordOf(rows, ticket);
    if (ticket !== null) await this.#line?.take(name, ticket, tickets);
    this.orders += rows.length;
    this.#count(record);
    const fields = fieldsOf(name, record, this.#sale.terms[4]);
    for (let at = 0; at < fields.length; at += 2 * fieldsPerWrite) {
      const some = fields.slice(at, at + 2 * fieldsPerWrite);
      await this.#writer.add(['HSET', this.#keys.records, ...some]);
    }
    for (const [i, order] of record.orders.entries()) {
      if (order.state !== 'held') continue;
      this.holds += 1;
      await this.#overdueAt(order.deadline, i < headMax ? name : `${name}|${order.key}`);
    }
  }

  #count(record: ShopperRecord): void {
    for (const { state, item, units } of record.orders) {
      const ended = state === 'expired' || state === 'released';
      // An order that got none of its units may name some that there never were.
      const last = this.#sale.items[item]?.last_number ?? 0;
      const there = ended ? units.filter((number) => number <= last) : units;
      this.#item(item).issued(there, state === 'held' ? 'held' : ended ? 'ended' : 'sold');
      if (state === 'expired') this.#expired += units.length;
      if (state === 'released') this.#released += units.length;
    }
  }

  async #overdueAt(deadline: Millis, name: string): Promise<void> {
    this.#firstDue = Math.min(this.#firstDue ?? deadline, deadline);
    const names = this.#due.get(deadline) ?? [];
    this.#due.set(deadline, names);
    if (names.push(name) === namesMax) await this.#writeMember(deadline, names);
  }

  async #writeMember(deadline: Millis, names: readonly string[]): Promise<void> {
    this.#due.delete(deadline);
    const member = pack([this.#end.epoch, this.#end.seq, this.#members, ...names]);
    this.#members += 1;
    await this.#writer.add(['ZADD', this.#keys.due, String(deadline), member]);
  }

  /** Writes what follows from all orders: the last that is done for the sale. */
  async finish(): Promise<void> {
    for (const [deadline, names] of this.#due) await this.#writeMember(deadline, names);
    if (this.#firstDue !== null) {
      await this.#writer.add(['ZADD', this.#duesKey, String(this.#firstDue), this.#sale.id]);
    }
    const counts = [this.#expired, this.#released];
    for (const [index, row] of this.#sale.items.entries()) {
      const { next, held, sold } = this.#item(index);
      const back = await this.#writeReturned(index);
      const { allotted, last_number: last } = row;
      if (allotted !== last - next + 1 + back + held + sold) {
        const says = `${allotted} allotted up to number ${last}, ${held} held, ${sold} sold`;
        const name = `${this.#sale.id} item ${index}`;
        throw new AssertionFailed(`${name}: ${says}, next ${next}, ${back} returned: run audit`);
      }
      counts.push(allotted, next, last, held, sold, back);
    }
    await this.#writeTerms(counts, await this.#line?.finish(this.#sale.state));
  }

  async #writeReturned(index: number): Promise<number> {
    let back = 0;
    let chunk: string[] = [];
    for (const number of this.#item(index).returned()) {
      back += 1;
      chunk.push(String((index + 1) * span + number), `${index + 1}:${number}`);
      if (chunk.length < 2 * numbersPerWrite) continue;
      await this.#writer.add(['ZADD', this.#keys.returned, ...chunk]);
      chunk = [];
    }
    if (chunk.length > 0) await this.#writer.add(['ZADD', this.#keys.returned, ...chunk]);
    return back;
  }

  async #writeTerms(counts: readonly number[], line?: Buffer): Promise<void> {
    const { state, terms, credits } = this.#sale;
    const [id, start, end, limit, hold, who, want, items, lineTerms] = terms;
    // Created in part or cancelled: in the lane it waits for credits that are not in.
    const known = (saleStates as readonly string[]).indexOf(state);
    const st = known < 0 ? saleStates.indexOf('scheduled') : known;
    const fields = { start, end, limit, hold, who, want, st, got: credits };
    await this.#writer.add([
      'HSET',
      this.#keys.terms,
      'id',
      id,
      ...Object.entries(fields).flatMap(([name, value]) => [name, String(value)]),
      'items',
      pack(items),
      'n',
      pack(counts),
      ...(line === undefined ? [] : ['line', pack(lineTerms), 'ln', line]),
    ]);
  }
}
