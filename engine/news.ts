/**
 * What lanes decide, told as it happens: reads every outbox from its end over one connection of its
 * own, which waits in Redis for the next entry. For those who push to sockets. Nothing is kept: what
 * was missed (a cut connection, entries trimmed before they were read) is told as `lost`, and the
 * listener looks again at what it shows.
 */
import { clock } from '../platform/clock.ts';
import { messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import { untilReady, type Redis } from '../platform/redis/connection.ts';
import { orderIdOf } from './domain/ids.ts';
import type { Millis, OrderId, SaleId, ShopperId } from './domain/types.ts';
import { readEntry, type Entry } from './lanes/codec.ts';
import type { LaneGate } from './lanes/gate.ts';

/** `kind` says what it is about; `type` is the event's own name. */
export type NewsEvent =
  | {
      readonly kind: 'held';
      readonly sale: SaleId;
      readonly order: OrderId;
      readonly shopper: ShopperId;
      readonly item: number;
      readonly price: number;
      readonly heldAt: Millis;
      readonly holdExpiresAt: Millis;
      readonly units: readonly number[];
    }
  | {
      readonly kind: 'ended';
      readonly type: 'paid' | 'released' | 'expired';
      readonly sale: SaleId;
      readonly order: OrderId;
      readonly shopper: ShopperId;
    }
  | {
      readonly kind: 'ticket';
      readonly type: 'joined' | 'left' | 'admitted' | 'lapsed' | 'finished';
      readonly sale: SaleId;
      readonly shopper: ShopperId;
    }
  | { readonly kind: 'sale'; readonly type: string; readonly sale: SaleId };

export interface NewsListener {
  event(event: NewsEvent): void;
  /** Some events of this lane were missed. */
  lost(lane: number): void;
}

const blockMs = 1000;
const entriesMax = 200;
const retryMs = 200;
const readyMs = 2000;

const ends = new Set<unknown>(['paid', 'released', 'expired']);
const tickets = new Set<unknown>(['joined', 'left', 'admitted', 'lapsed', 'finished']);

function eventOf(sale: SaleId, e: readonly unknown[], at: Millis): NewsEvent {
  const type = e[0];
  if (type === 'held') {
    const [, key, shopper, item, price, holdExpiresAt, , units] = e as unknown as readonly [
      string,
      string,
      string,
      number,
      number,
      number,
      number,
      number[],
    ];
    const order = orderIdOf(sale, key);
    return { kind: 'held', sale, order, shopper, item, price, heldAt: at, holdExpiresAt, units };
  }
  if (ends.has(type)) {
    const order = orderIdOf(sale, e[1] as string);
    const shopper = e[2] as string;
    return { kind: 'ended', type: type as 'paid', sale, order, shopper };
  }
  if (tickets.has(type)) {
    return { kind: 'ticket', type: type as 'joined', sale, shopper: e[2] as string };
  }
  return { kind: 'sale', type: String(type), sale };
}

/** Every event of an entry, in order. */
export function* eventsOf(entry: Entry): Generator<NewsEvent> {
  for (const [sale, events] of entry.groups) {
    for (const event of events) yield eventOf(sale, event, entry.at);
  }
}

interface Place {
  readonly lane: number;
  readonly key: string;
  /** Id of the last entry read; null = not known, so it begins at the end. */
  after: string | null;
}

/** Whether nothing lies between an entry and the id that was read before it. */
function follows({ epoch, seq, before }: Entry, after: string): boolean {
  const [lastEpoch = 0, lastSeq = 0] = after.split('-').map(Number);
  if (epoch === lastEpoch) return seq === lastSeq + 1;
  return seq === 0 && before !== null && before[0] === lastEpoch && before[1] === lastSeq;
}

export class LaneNews {
  readonly #connect: () => Redis;
  readonly #gate: LaneGate;
  readonly #log: Log;
  readonly #listeners = new Set<NewsListener>();
  #redis: Redis | null = null;
  #running: Promise<void> | null = null;
  #closed = false;

  /** `connect` opens a connection without a time-out of commands. */
  constructor(gate: LaneGate, log: Log, connect: () => Redis) {
    this.#gate = gate;
    this.#log = log;
    this.#connect = connect;
  }

  /** From now on, until the answer is called. Reads only while somebody follows. */
  follow(listener: NewsListener): () => void {
    this.#listeners.add(listener);
    this.#start();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #start(): void {
    if (this.#running !== null || !this.#isWanted()) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#start();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#redis?.disconnect();
    await this.#running;
  }

  async #run(): Promise<void> {
    const places = this.#gate.doors.map(({ lane, keys }): Place => ({
      lane,
      key: keys.outbox,
      after: null,
    }));
    const redis = (this.#redis = this.#connect());
    let told = false;
    // Unverified, its entries may be decisions that are going to be taken back.
    redis.on('close', () => {
      for (const place of places) place.after = null;
    });
    while (this.#isWanted()) {
      try {
        await untilReady(redis, readyMs);
        await this.#read(redis, places);
        told = false;
      } catch (error) {
        if (!this.#isWanted()) break;
        if (!told) this.#log.warn({ err: messageOf(error) }, 'lanes cannot be followed');
        told = true;
        for (const place of places) place.after = null;
        await new Promise<void>((resolve) => {
          clock.after(retryMs, resolve);
        });
      }
    }
    redis.disconnect();
    this.#redis = null;
  }

  #isWanted(): boolean {
    return !this.#closed && this.#listeners.size > 0;
  }

  /** One read; lanes that are shut wait, and begin at their end once they are open. */
  async #read(redis: Redis, places: readonly Place[]): Promise<void> {
    const open = places.filter(({ lane }) => this.#gate.door(lane).open);
    for (const place of places) if (!open.includes(place)) place.after = null;
    if (open.length === 0) throw new Error('no lane is open');
    const begun = open.filter((place) => place.after === null);
    for (const place of begun) place.after = await lastId(redis, place.key);
    // Only now is it certain that nothing of what follows is missed.
    for (const { lane } of begun) this.#lost(lane);
    const found = await redis.xreadBuffer(
      'COUNT',
      entriesMax,
      'BLOCK',
      blockMs,
      'STREAMS',
      ...open.map(({ key }) => key),
      ...open.map(({ after }) => after ?? '0-0'),
    );
    for (const [key, items] of found ?? []) {
      const place = open.find((one) => one.key === key.toString());
      if (place !== undefined) for (const [id, fields] of items) this.#take(place, id, fields);
    }
  }

  #take(place: Place, rawId: Buffer, fields: readonly Buffer[]): void {
    const bytes = fields[1];
    if (bytes === undefined) return;
    const entry = readEntry(bytes);
    if (place.after !== null && !follows(entry, place.after)) this.#lost(place.lane);
    place.after = rawId.toString();
    for (const event of eventsOf(entry)) {
      for (const listener of this.#listeners) listener.event(event);
    }
  }

  #lost(lane: number): void {
    for (const listener of this.#listeners) listener.lost(lane);
  }
}

/** The last id that a stream ever had: it stays when all is trimmed. */
async function lastId(redis: Redis, key: string): Promise<string> {
  if ((await redis.exists(key)) === 0) return '0-0';
  const info = (await redis.xinfo('STREAM', key)) as unknown[];
  const at = info.indexOf('last-generated-id');
  const id = info[at + 1];
  return typeof id === 'string' ? id : '0-0';
}
