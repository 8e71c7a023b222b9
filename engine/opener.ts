/**
 * Opener: opens the standing sale of each new product; lets every flash sale open and end without
 * shoppers; closes what has ended, again and again as its holds end. Level-triggered: it looks at
 * states, so whatever a dead process left is finished here too.
 */
import type { KeyObject } from 'node:crypto';
import { crashPoint } from '../platform/crash.ts';
import type {
  IncomingBatch,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
} from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { startLoop } from './loop.ts';
import { requestClose } from './sales/control.ts';
import { openStanding, type NewProduct } from './sales/standing.ts';
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
  readonly topic: string;
  readonly groupId: string;
  readonly log: Log;
  readonly onCommands: (lanes: readonly number[]) => void;
  readonly onCrash: (error: Error) => void;
}

const everyMs = 100;
const salesPerTurnMax = 200;

export async function startOpener(options: OpenerOptions): Promise<{ close(): Promise<void> }> {
  const consumer: KafkaConsumer = await options.kafka.consume({
    groupId: options.groupId,
    topics: [options.topic],
    commit: true,
    onBatch: (batch) => openProducts(options, batch),
    onCrash: options.onCrash,
  });
  let after = '';
  const loop = startLoop({
    name: 'opener',
    log: options.log,
    everyMs,
    round: async () => {
      after = await turn(options, after);
      return after !== '';
    },
  });
  return {
    async close() {
      await loop.close();
      await consumer.close();
    },
  };
}

/** Reads a `new-product` event; null = it is none. */
export function readNewProduct(value: Buffer): NewProduct | null {
  let body: unknown;
  try {
    body = JSON.parse(value.toString('utf8'));
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null) return null;
  const {
    id,
    vendor_id: vendor,
    price,
    remaining_supply: supply,
  } = body as Record<string, unknown>;
  if (typeof price !== 'object' || price === null) return null;
  const { amount } = price as Record<string, unknown>;
  if (typeof id !== 'string' || typeof vendor !== 'string') return null;
  if (!Number.isSafeInteger(amount) || !Number.isSafeInteger(supply)) return null;
  return { id, vendor, price: amount as number, supply: supply as number };
}

async function openProducts(options: OpenerOptions, batch: IncomingBatch): Promise<void> {
  for (const message of batch.messages) {
    const product = readNewProduct(message.value);
    if (product === null) {
      await options.producer.send(`${options.topic}.dlq`, [
        {
          key: message.key?.toString() ?? null,
          value: message.value,
          headers: {
            ...message.headers,
            'dlq-why': 'not a new-product event',
            'dlq-where': `${batch.topic}/${batch.partition}/${message.offset} ${options.groupId}`,
            'dlq-when': new Date().toISOString(),
          },
        },
      ]);
      continue;
    }
    const { secret, lanes, currency } = options;
    const woken = await options.db.tx(async (q) => {
      // A product that nobody registered here has no supply of ours.
      const [known] = await q.query('SELECT 1 FROM sale.registrations WHERE id = $1', [product.id]);
      return known === undefined ? [] : openStanding(q, secret, lanes, currency, product);
    });
    crashPoint('opener.written');
    if (woken.length > 0) options.onCommands(woken);
    await batch.heartbeat();
  }
}

/**
 * Touches sales at their start and end; closes those that have ended. Answers where to go on: with
 * more due than a turn takes, sales of a lane that is shut must not keep the others waiting.
 */
async function turn(options: OpenerOptions, after: string): Promise<string> {
  const due = await options.db.query<{ id: string; state: string }>(
    `SELECT id, state FROM sale.sales
      WHERE kind = 'flash'
        AND ((state = 'scheduled' AND starts_at <= now() + interval '50 milliseconds')
          OR (state IN ('live', 'paused') AND (ends_at <= now() OR close_requested))
          OR state = 'closing')
        AND id > $1 ORDER BY id LIMIT ${salesPerTurnMax}`,
    [after],
    'opener_due',
  );
  for (const { id, state } of due) {
    if (state === 'closing') await closeFurther(options, id);
    else await options.shop.touch(id);
  }
  await creditOnceMore(options);
  return due.length < salesPerTurnMax ? '' : (due.at(-1)?.id ?? '');
}

/** A credit that a frozen sale refused is written again when the sale takes commands again. */
async function creditOnceMore({ db, shop, onCommands }: OpenerOptions): Promise<void> {
  for (const { id, sale } of await uncredited(db)) {
    if ((await shop.count(sale)).kind !== 'done') continue;
    const writer = new CommandWriter();
    const lanes = await db.tx(async (q) => {
      await creditAgain(q, id, writer);
      const { lanes: woken } = writer;
      await writer.flush(q);
      return woken;
    });
    onCommands(lanes);
  }
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
