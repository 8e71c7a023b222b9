/**
 * Hears what is told on a channel (LISTEN), on a connection of its own. What was told while it was
 * not connected is lost: `onListening` says that it hears again. It tries again for ever; whoever
 * uses it must get along without.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { messageOf } from '../fault.ts';
import type { Log } from '../log.ts';

export interface ListenOptions {
  /** A plain word: it is part of the statement. */
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  /** After each connect, before the first message. */
  readonly onListening: () => void;
  readonly log: Log;
  /** application_name. */
  readonly name: string;
}

export interface Listening {
  close(): Promise<void>;
}

const againMs = 1000;
const connectTimeoutMs = 2000;

export function listenTo(url: string, options: ListenOptions): Listening {
  const closing = new AbortController();
  const { signal } = closing;
  const running = (async () => {
    while (!signal.aborted) {
      try {
        await hear(url, options, signal);
      } catch (error) {
        options.log.warn({ channel: options.channel, err: messageOf(error) }, 'listening ended');
      }
      await sleep(againMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** Until the connection ends (rejects) or `signal` aborts. */
async function hear(
  url: string,
  { channel, onMessage, onListening, name }: ListenOptions,
  signal: AbortSignal,
): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: name,
    keepAlive: true,
  });
  let stop = (): void => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    stop = resolve;
    client.on('error', reject);
    client.on('end', () => reject(new Error('the connection was closed')));
  });
  signal.addEventListener('abort', stop, { once: true });
  // It may fail before it is awaited.
  ended.catch(() => undefined);
  client.on('notification', ({ payload }) => onMessage(payload ?? ''));
  try {
    await Promise.race([client.connect(), ended]);
    if (signal.aborted) return;
    await Promise.race([client.query(`LISTEN ${channel}`), ended]);
    onListening();
    await ended;
  } finally {
    // The signal outlives every connection: what is left on it would pile up, one for each try.
    signal.removeEventListener('abort', stop);
    await Promise.race([client.end().catch(() => undefined), sleep(connectTimeoutMs)]);
  }
}
