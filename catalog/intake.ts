/**
 * The loop that turns `new-product` and `catalog-changes` into rows of shop.products, keyed by the product's id. A
 * message that can never be right goes to the dead-letter topic; for everything else it waits,
 * however long Kafka or Postgres are away, and the offset moves only after the commit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { crashPoint } from '../platform/crash.ts';
import { messageOf } from '../platform/fault.ts';
import type { IncomingBatch, IncomingMessage, KafkaPort } from '../platform/kafka/index.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/pool.ts';
import { createDeadLetters } from './dead-letter.ts';
import type { DeadLetter, DeadLetters } from './dead-letter.ts';
import { Malformed, parseNewProduct } from './new-product.ts';
import type { ProductRow } from './new-product.ts';
import { tellChanged } from './changed.ts';
import { writeProducts } from './product-rows.ts';
import { waitForSchema } from './schema-wait.ts';
import { indexProducts } from './search/documents.ts';

export interface IntakeOptions {
  readonly kafka: KafkaPort;
  readonly db: Db;
  /** `new-product` and `catalog-changes`: a product whole, known by its version. */
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly log: Log;
  readonly now?: () => Date;
}

export type IntakeState = 'starting' | 'ok' | 'away';

export interface Intake {
  readonly state: IntakeState;
  close(): Promise<void>;
}

const rowsPerStatement = 500;
const restartPauseMs = 1000;
const loop = 'intake';

/** Starts in the background: the window serves pages whatever Kafka does. */
export function startIntake(options: IntakeOptions): Intake {
  const letters = createDeadLetters(
    options.kafka,
    options.groupId,
    options.now ?? (() => new Date()),
  );
  const closing = new AbortController();
  let state: IntakeState = 'starting';
  const running = keepRunning(options, letters, closing.signal, (next) => (state = next));
  return {
    get state() {
      return state;
    },
    async close() {
      closing.abort();
      await running;
      await letters.close();
    },
  };
}

/** One consumer at a time; one that died is replaced, because the window must not die with it. */
async function keepRunning(
  options: IntakeOptions,
  letters: DeadLetters,
  signal: AbortSignal,
  setState: (state: IntakeState) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (!(await waitForSchema(options.db, options.log, signal))) return;
      await consumeUntilCrash(options, letters, signal, setState);
    } catch (error) {
      setState('away');
      metrics.loopErrors.inc({ loop });
      options.log.error({ loop, err: error }, 'intake starts again');
      await sleep(restartPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Resolves when closing; rejects with what the consumer died of. */
async function consumeUntilCrash(
  options: IntakeOptions,
  letters: DeadLetters,
  signal: AbortSignal,
  setState: (state: IntakeState) => void,
): Promise<void> {
  let end = (_error?: Error): void => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // It may end before the consumer is there, and is awaited only then.
  ended.catch(() => undefined);
  const starting = options.kafka.consume({
    groupId: options.groupId,
    topics: options.topics,
    onBatch: (batch) => takeBatch(options, letters, batch),
    onAssigned: () => setState('ok'),
    onCrash: (error) => end(error),
    commit: true,
  });
  // With Kafka away the start may take for ever; closing does not wait for it.
  const consumer = await Promise.race([starting, ended.then(() => null)]);
  if (consumer === null) {
    void starting.then((late) => late.close()).catch(() => undefined);
    return;
  }
  try {
    await ended;
  } finally {
    await consumer.close();
  }
}

/** Throws when the batch must come again; what was written by then stays, and is known by its id. */
async function takeBatch(
  { db, log }: IntakeOptions,
  letters: DeadLetters,
  batch: IncomingBatch,
): Promise<void> {
  const { topic, partition, messages } = batch;
  try {
    for (let at = 0; at < messages.length; at += rowsPerStatement) {
      const dead = await takeMessages(db, messages.slice(at, at + rowsPerStatement));
      crashPoint('intake.written');
      await letters.send(topic, partition, dead);
      for (const { message, why } of dead) {
        const where = { topic, partition, offset: String(message.offset) };
        log.warn({ loop, why, ...where }, 'dead letter');
      }
      await batch.heartbeat();
    }
    const last = messages.at(-1)?.offset;
    const lag = last === undefined ? 0n : batch.highWatermark - last - 1n;
    metrics.kafkaLag.set({ group: loop, topic, partition: String(partition) }, Number(lag));
    metrics.loopRuns.inc({ loop });
  } catch (error) {
    metrics.loopErrors.inc({ loop });
    log.warn({ loop, err: messageOf(error) }, 'intake waits');
    throw error;
  }
}

interface Parsed {
  readonly message: IncomingMessage;
  readonly row: ProductRow;
}

async function takeMessages(db: Db, messages: readonly IncomingMessage[]): Promise<DeadLetter[]> {
  const dead: DeadLetter[] = [];
  const parsed: Parsed[] = [];
  for (const message of messages) {
    try {
      const key = message.key?.toString('utf8') ?? null;
      parsed.push({ message, row: parseNewProduct(key, message.value) });
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      dead.push({ message, why: error.message });
    }
  }
  dead.push(...(await writeParsed(db, parsed)));
  return dead;
}

/** All at once; where Postgres cannot keep one of them, one by one to find out which. */
async function writeParsed(db: Db, parsed: readonly Parsed[]): Promise<DeadLetter[]> {
  if (parsed.length === 0) return [];
  try {
    await takeProducts(
      db,
      parsed.map(({ row }) => row),
    );
    return [];
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = parsed;
    if (parsed.length === 1 && only !== undefined) {
      return [{ message: only.message, why: messageOf(error) }];
    }
    const dead: DeadLetter[] = [];
    for (const one of parsed) dead.push(...(await writeParsed(db, [one])));
    return dead;
  }
}

/** Writes products, finds them in searches, and tells every catalog: all or nothing. */
export function takeProducts(db: Db, rows: readonly ProductRow[]): Promise<void> {
  return db.tx(async (q) => {
    await writeProducts(q, rows);
    await indexProducts(q, [...new Set(rows.map(({ id }) => id))]);
    await tellChanged(q, rows);
  });
}

/** SQLSTATE classes 22 and 23: the data, not the database, is at fault. */
export function isDataError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^2[23][0-9A-Z]{3}$/.test(error.code);
}
