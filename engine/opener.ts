/**
 * Opener: opens the standing sale of each new product, by its event or by its row; lets every flash sale open and end without
 * shoppers; closes what has ended, again and again as its holds end. Level-triggered: it looks at
 * states, so whatever a dead process left is finished here too.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import { messageOf } from '../platform/fault.ts';
import type {
  IncomingBatch,
  IncomingMessage,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
} from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import type { RoundNamer } from './beacon.ts';
import { isProductId } from './domain/ids.ts';
import type { ProductId, VendorId } from './domain/types.ts';
import { attendEach, failuresOf, goingRound, startLoop, type TellFailure } from './loop.ts';
import { priceOf } from './registrations.ts';
import { requestClose, unclosed } from './sales/control.ts';
import { fenceDue, makeDue, type FenceCursor, type FreeOf } from './sales/occurrences.ts';
import { openStandings, type NewProduct } from './sales/standing.ts';
import { closingSql } from './sales/transit.ts';
import { CommandWriter } from './settle/commands.ts';
import { creditAgain, uncredited } from './settle/sales.ts';
import type { Shop } from './shop.ts';

export interface OpenerOptions {
  readonly kafka: KafkaPort;
  readonly producer: KafkaProducer;
  readonly db: Db;
  readonly shop: Shop;
  readonly secret: KeyObject;
  readonly lanes: number;
  readonly currency: string;
  /** Tickets that one line takes. */
  readonly lineMax: number;
  readonly nameRound?: RoundNamer | undefined;
  readonly topic: string;
  readonly groupId: string;
  readonly log: Log;
  readonly onCommands: (lanes: readonly number[]) => void;
  readonly onCrash: (error: Error) => void;
}

/** What its rounds go by. */
interface Rounds extends OpenerOptions {
  readonly tell: TellFailure;
}

const everyMs = 100;
/** While nothing is due but bells, which ring by themselves. */
const idleMs = 250;
/** Bells of schedules are minutes away. */
const fencesEveryMs = 1000;
/** A credit or a close that is written again waited for a person already, a lost event a minute. */
const slowEveryMs = 5000;
/** Bells are rung to the millisecond: each is known a round before it is due, and a little more. */
const aheadMs = 350;
const salesPerRoundMax = 200;

export async function startOpener(options: OpenerOptions): Promise<{ close(): Promise<void> }> {
  const consumer: KafkaConsumer = await options.kafka.consume({
    groupId: options.groupId,
    topics: [options.topic],
    commit: true,
    onBatch: (batch) => openProducts(options, batch),
    onCrash: options.onCrash,
  });
  const rounds = { ...options, tell: failuresOf({ name: 'opener', log: options.log }) };
  const takeDue = goingRound<DueSale>({
    // With more due than a round takes, a lane that is shut must not keep others waiting.
    pageMax: salesPerRoundMax,
    page: (after) => salesDue(options.db, after),
    idOf: (sale) => sale.id,
    attend: (sales) => attendSales(rounds, sales),
  });
  // Of work that only goes on where its lane does: what is stuck must not keep the rest waiting.
  const slow: { credit: string; fence: FenceCursor } = { credit: '', fence: null };
  let fencesAt = -Infinity;
  let slowAt = -Infinity;
  const loop = startLoop({
    name: 'opener',
    log: options.log,
    everyMs,
    idleMs,
    round: async () => {
      const next = await takeDue();
      if (clock.now() - fencesAt >= fencesEveryMs) {
        fencesAt = clock.now();
        slow.fence = await attendSchedules(rounds, slow.fence);
      }
      if (clock.now() - slowAt >= slowEveryMs) {
        slowAt = clock.now();
        slow.credit = await creditOnceMore(rounds, slow.credit);
        await closeOnceMore(rounds);
        await openForgotten(rounds);
      }
      return next;
    },
  });
  return {
    async close() {
      await loop.close();
      await consumer.close();
    },
  };
}

/** The product that a `new-product` event names; null = it is no such event. */
function productOf(value: Buffer): ProductId | null {
  let body: unknown;
  try {
    body = JSON.parse(value.toString('utf8'));
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || !('id' in body)) return null;
  return typeof body.id === 'string' && isProductId(body.id) ? body.id : null;
}

/**
 * Products as they were registered here; what nobody registered has no supply of ours. The event says
 * only that there is one: whoever can write to the topic must not grant units.
 */
async function registered(q: Query, ids: readonly ProductId[]): Promise<NewProduct[]> {
  const rows = await q.query<{
    id: ProductId;
    vendor_id: VendorId;
    supply: number;
    body: Readonly<Record<string, unknown>>;
  }>('SELECT id, vendor_id, supply, body FROM sale.registrations WHERE id = ANY($1)', [ids]);
  return rows.map(({ id, vendor_id: vendor, supply, body }) => {
    return { id, vendor, price: priceOf(body), supply };
  });
}

/** Of one transaction: with more the lanes' rows would be locked for too long. */
const openedAtOnce = 100;

async function openProducts(options: OpenerOptions, batch: IncomingBatch): Promise<void> {
  const ids = new Set<ProductId>();
  for (const message of batch.messages) {
    const id = productOf(message.value);
    if (id === null) await bury(options, batch, message);
    else ids.add(id);
  }
  const all = [...ids];
  for (let at = 0; at < all.length; at += openedAtOnce) {
    await openRegistered(options, all.slice(at, at + openedAtOnce));
    await batch.heartbeat();
  }
}

/** Answers whether it has opened any: none is opened twice. */
async function openRegistered(options: OpenerOptions, ids: readonly ProductId[]): Promise<boolean> {
  const { db, secret, lanes, currency } = options;
  const woken = await db.tx(async (q) => {
    return openStandings(q, secret, lanes, currency, await registered(q, ids));
  });
  crashPoint('opener.written');
  if (woken.length > 0) options.onCommands(woken);
  return woken.length > 0;
}

/** Of one round; for so long the event of a registration may be on its way. */
const forgottenMax = 25;
const eventPatienceSeconds = 60;

/**
 * Kafka may lose an event that has left, and nobody sends it again: the registration is there all the
 * same. One by one, because the event may come just now and take several in another order.
 */
async function openForgotten(rounds: Rounds): Promise<void> {
  const forgotten = await rounds.db.query<{ id: ProductId }>(
    `SELECT id FROM sale.registrations
      WHERE standing_sale IS NULL AND status = 'accepted'
        AND registered_at < now() - interval '${eventPatienceSeconds} seconds'
      ORDER BY id LIMIT ${forgottenMax}`,
    [],
    'opener_forgotten',
  );
  let opened = 0;
  await attendEach(forgotten, rounds.tell, async ({ id }) => {
    if (await openRegistered(rounds, [id])) opened += 1;
  });
  if (opened > 0) rounds.log.warn({ products: opened }, 'opened as registered: no event has told');
}

/** To the dead letters. */
async function bury(
  options: OpenerOptions,
  batch: IncomingBatch,
  message: IncomingMessage,
): Promise<void> {
  await options.producer.send(`${options.topic}.dlq`, [
    {
      key: message.key?.toString() ?? null,
      value: message.value,
      headers: {
        ...message.headers,
        'dlq-why': 'not a new-product event',
        'dlq-where': `${batch.topic}/${batch.partition}/${message.offset} ${options.groupId}`,
        'dlq-when': new Date(clock.wall()).toISOString(),
      },
    },
  ]);
}

interface DueSale {
  readonly id: string;
  readonly state: string;
  /** Until its bell, ms. */
  readonly wait: number;
}

const salesDue = (db: Db, after: string): Promise<DueSale[]> =>
  db.query(
    `SELECT id, state, CASE WHEN state = 'scheduled'
            THEN extract(epoch FROM starts_at - now()) * 1000 ELSE 0 END::float8 AS wait
       FROM sale.sales
      WHERE kind = 'flash'
        AND ((state = 'scheduled' AND starts_at <= now() + interval '${aheadMs} milliseconds')
          OR (state IN ('live', 'paused') AND (ends_at <= now() OR close_requested)))
        AND id > $1
     UNION ALL SELECT id, state, 0 FROM sale.sales WHERE state = 'closing' AND id > $1
      ORDER BY id LIMIT ${salesPerRoundMax}`,
    [after],
    'opener_due',
  );

/**
 * Touches sales at their start and end; closes those that have ended. Answers whether something was
 * due already, so that more may follow from it soon.
 */
async function attendSales(rounds: Rounds, due: readonly DueSale[]): Promise<boolean> {
  await attendEach(due, rounds.tell, ({ id, state, wait }) => {
    if (state === 'closing') return closeFurther(rounds, id);
    if (wait <= 0) return rounds.shop.touch(id);
    ringAt(rounds, id, wait);
    return null;
  });
  return due.some(({ wait }) => wait <= 0);
}

/** At the bell itself; where that fails a round sees it to be due, as without it. */
function ringAt({ shop, log }: OpenerOptions, sale: string, waitMs: number): void {
  clock.after(Math.ceil(waitMs), () => {
    shop.touch(sale).catch((error: unknown) => {
      log.debug({ sale, err: messageOf(error) }, 'a bell was not rung in time');
    });
  });
}

/**
 * Makes the occurrences that are due, and takes the units of those whose bell is near. Answers where to
 * go on.
 */
async function attendSchedules(rounds: Rounds, after: FenceCursor): Promise<FenceCursor> {
  const { db, shop, onCommands, tell } = rounds;
  onCommands(await makeDue(db, rounds, tell));
  const freeOf: FreeOf = async (standing, product) => {
    const [row] = await db.query<{ coming: boolean }>(
      `SELECT ${closingSql('$2')} OR EXISTS (
                SELECT 1 FROM sale.moves
                 WHERE to_sale = $1 AND kind IN ('return', 'unfence') AND state = 'crediting'
                    OR from_sale = $1 AND state = 'undoing') AS coming`,
      [standing, product],
    );
    const counts = await shop.count(standing);
    const [item] = counts.kind === 'done' ? counts.value.items : [];
    return item === undefined ? null : { free: item.available, coming: row?.coming !== false };
  };
  const fenced = await fenceDue(db, freeOf, tell, after);
  onCommands(fenced.lanes);
  return fenced.after;
}

/**
 * A credit that a frozen sale refused is written again when the sale takes commands again. Answers where
 * to go on.
 */
async function creditOnceMore(
  { db, shop, onCommands, tell }: Rounds,
  after: string,
): Promise<string> {
  const found = await uncredited(db, after);
  await attendEach(found.moves, tell, async ({ id, sale }) => {
    if ((await shop.count(sale)).kind !== 'done') return;
    const writer = new CommandWriter();
    const lanes = await db.tx(async (q) => {
      await creditAgain(q, id, writer);
      const { lanes: woken } = writer;
      await writer.flush(q);
      return woken;
    });
    onCommands(lanes);
  });
  return found.after;
}

/** So is a close. */
async function closeOnceMore({ db, shop, onCommands, tell }: Rounds): Promise<void> {
  const sales = (await unclosed(db)).map((id) => ({ id }));
  await attendEach(sales, tell, async ({ id }) => {
    if ((await shop.count(id)).kind !== 'done') return;
    onCommands(await db.tx((q) => requestClose(q, id)));
  });
}

/** A close that left holds is repeated when some have ended: then there is something to debit. */
async function closeFurther(options: OpenerOptions, sale: string): Promise<void> {
  const counts = await options.shop.count(sale);
  if (counts.kind !== 'done') return;
  const { items, state } = counts.value;
  if (state === 'closed') return;
  const held = items.reduce((sum, i) => sum + i.held, 0);
  const free = items.reduce((sum, i) => sum + i.available, 0);
  if (free === 0 && held > 0) return;
  const lanes = await options.db.tx((q) => requestClose(q, sale));
  if (lanes.length > 0) options.onCommands(lanes);
}
