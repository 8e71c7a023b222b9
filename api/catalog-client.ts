/**
 * Hands a request on to the catalog over kept-alive connections. Bounded in connections, in
 * waiting, in time and in size; whatever goes wrong is "away", never a wait without end.
 */
import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { awaiting } from '../platform/awaited.ts';
import { Fault } from '../platform/fault.ts';

export interface Handed {
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CatalogClient {
  /** Throws a retryable Fault with code `catalog` when there is no answer. */
  send(handed: Handed): Promise<Answered>;
  close(): void;
}

const socketsMax = 64;
const inFlightMax = 1024;
const answerTimeoutMs = 2000;
const idleMs = 4000;
const answerMaxBytes = 8 * 1024 * 1024;

const passedBack = [
  'content-type',
  'etag',
  'cache-control',
  'age',
  'retry-after',
  'location',
  'idempotent-replayed',
  'allow',
  'www-authenticate',
] as const;

export function catalogClient(baseUrl: string): CatalogClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: socketsMax,
    maxTotalSockets: socketsMax,
    scheduling: 'lifo',
    timeout: idleMs,
  });
  let inFlight = 0;
  return {
    async send(handed) {
      if (inFlight >= inFlightMax) throw away('too many requests wait for it');
      inFlight += 1;
      try {
        return await sendOnce(agent, baseUrl, handed);
      } catch (error) {
        // The other side may close a kept connection just as it is used again.
        if (!(error instanceof ClosedUnused) || handed.method !== 'GET') throw error;
        return await sendOnce(agent, baseUrl, handed);
      } finally {
        inFlight -= 1;
      }
    },
    close: () => {
      agent.destroy();
    },
  };
}

function away(why: string, cause?: unknown): Fault {
  return new Fault('catalog', `the catalog is away: ${why}`, { retryable: true, cause });
}

/** A kept connection that was closed before it answered anything. */
class ClosedUnused extends Fault {}

function sendOnce(agent: Agent, baseUrl: string, handed: Handed): Promise<Answered> {
  const { method, headers, body } = handed;
  const length = method === 'GET' ? {} : { 'content-length': String(body.length) };
  const sent = request(new URL(handed.path, baseUrl), {
    agent,
    method,
    headers: { ...headers, ...length },
  });
  const answer = answerTo(sent);
  sent.once('socket', (socket) => {
    awaiting(socket, answer).catch(() => undefined);
  });
  sent.end(body);
  return answer;
}

function answerTo(sent: ClientRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      sent.destroy(new Error(`no answer within ${answerTimeoutMs} ms`));
    }, answerTimeoutMs);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      const reset = (error as { code?: unknown }).code === 'ECONNRESET' && sent.reusedSocket;
      reject(
        reset
          ? new ClosedUnused('catalog', 'the connection was closed', { retryable: true })
          : away((error as Error).message, error),
      );
    };
    sent.on('error', fail);
    sent.on('response', (response) => {
      readAnswer(response).then((answered) => {
        clearTimeout(timer);
        resolve(answered);
      }, fail);
    });
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerMaxBytes) {
      response.destroy();
      throw new Error('the answer is too large');
    }
    chunks.push(chunk);
  }
  const headers: Record<string, string> = {};
  for (const name of passedBack) {
    const value = response.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return { status: response.statusCode ?? 502, headers, body: Buffer.concat(chunks).toString() };
}
