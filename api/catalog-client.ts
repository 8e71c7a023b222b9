/**
 * Hands a request on to the catalog over kept-alive connections. Bounded in connections, in
 * waiting, in time and in size; whatever goes wrong is "away", never a wait without end.
 */
import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { urlToHttpOptions } from 'node:url';
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
  const { protocol, hostname, port } = urlToHttpOptions(new URL(baseUrl));
  const where = { protocol, hostname, port };
  let inFlight = 0;
  return {
    async send(handed) {
      if (inFlight >= inFlightMax) throw away('too many requests wait for it');
      inFlight += 1;
      try {
        return await sendOnce(agent, where, handed);
      } catch (error) {
        // The other side may close a kept connection just as it is used again.
        if (!(error instanceof ClosedUnused) || handed.method !== 'GET') throw error;
        return await sendOnce(agent, where, handed);
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

/** What Node sends in no path; a browser would have encoded it. */
const unsendable = /[^\x21-\x7e]+/g;

type Where = Pick<RequestOptions, 'protocol' | 'hostname' | 'port'>;

/** A kept connection that was closed before it answered anything. */
class ClosedUnused extends Fault {}

function sendOnce(agent: Agent, where: Where, handed: Handed): Promise<Answered> {
  const { method, body } = handed;
  const path = handed.path.replace(unsendable, encodeURIComponent);
  const length = method === 'GET' ? {} : { 'content-length': String(body.length) };
  const headers = { ...handed.headers, ...length };
  const sent = request({ ...where, agent, method, path, headers });
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
      readAnswer(response, fail, (answered) => {
        clearTimeout(timer);
        resolve(answered);
      });
    });
  });
}

/** By events: an iterator over the stream costs several promises a chunk. */
function readAnswer(
  response: IncomingMessage,
  fail: (error: unknown) => void,
  done: (answered: Answered) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > answerMaxBytes) response.destroy(new Error('the answer is too large'));
  });
  response.on('error', fail);
  response.on('end', () => {
    const headers: Record<string, string> = {};
    for (const name of passedBack) {
      const value = response.headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    const body = Buffer.concat(chunks).toString();
    done({ status: response.statusCode ?? 502, headers, body });
  });
}
