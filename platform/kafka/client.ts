/** kafkajs set up our way: its log through ours, bounded retries, its errors made faults. */
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, LogEntry, RetryOptions } from 'kafkajs';
import { Fault, messageOf } from '../fault.ts';
import type { Log } from '../log.ts';
import { tameBusyTimer } from './busy-timer.ts';
import type { KafkaOptions } from './port.ts';

const connectionTimeoutMs = 2_000;
const requestTimeoutMs = 5_000;

/**
 * Short: whoever calls us retries for longer, and knows better what to do meanwhile. All fields are
 * said, because kafkajs takes others when NODE_ENV is `test`.
 */
export const retry = {
  initialRetryTime: 50,
  maxRetryTime: 500,
  retries: 5,
  factor: 0.2,
  multiplier: 2,
} as const satisfies RetryOptions;

export function createClient({ brokers, clientId, log }: KafkaOptions): Kafka {
  tameBusyTimer(log);
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => write(log, entry),
  };
  return new Kafka(config);
}

/** What kafkajs calls an error is mostly a broker that is away: a warning to us. */
function write(log: Log, { namespace, log: entry }: LogEntry): void {
  const { message, error, groupId, broker } = entry as LogEntry['log'] & Record<string, unknown>;
  log.warn({ kafkajs: namespace, error, groupId, broker }, message);
}

export function isKafkaError(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

/** Protocol errors that another attempt does not cure. */
const finalTypes = new Set([
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'UNSUPPORTED_VERSION',
]);

export function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('kafka', `kafka: ${messageOf(error)}`, {
    retryable: !typesOf(error).some((type) => finalTypes.has(type)),
    cause: error,
  });
}

/** The protocol's names of an error and of those inside it. */
export function typesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return [];
  const { type, cause, errors } = error as { type?: unknown; cause?: unknown; errors?: unknown };
  const own = typeof type === 'string' ? [type] : [];
  const inner = Array.isArray(errors) ? errors.flatMap((e) => typesOf(e, depth + 1)) : [];
  return [...own, ...inner, ...typesOf(cause, depth + 1)];
}

/** Resolves or rejects with the promise, or rejects with a retryable fault after the time. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Fault('kafka', `kafka: ${what} took more than ${ms} ms`, { retryable: true }));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Grows from 100 ms to `maxMs`, with jitter, so that many clients do not come back as one. */
export function backoffMs(attempt: number, maxMs = 2_000): number {
  const full = Math.min(maxMs, 100 * 2 ** Math.min(attempt, 10));
  return full / 2 + Math.random() * (full / 2);
}
