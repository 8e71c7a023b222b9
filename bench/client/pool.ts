/** A few connections for many requests: each goes to the one that has waited longest. */
import { connectionsTo, targetOf } from './connection.ts';
import type { Connection } from './connection.ts';
import { requestText } from './request-text.ts';
import type { RequestParts } from './request-text.ts';
import type { Reply } from './reply.ts';

const tries = 4;
const pauseMs = 150;

/** An answer that the caller did not want. */
export class AnswerError extends Error {
  readonly status: number;

  constructor(what: string, reply: Reply) {
    super(`${what} was answered with ${reply.status}: ${reply.body.slice(0, 500)}`);
    this.name = 'AnswerError';
    this.status = reply.status;
  }
}

export type Call = Omit<RequestParts, 'host'>;

export class Pool {
  readonly host: string;
  readonly #connections: Connection[];
  #turn = 0;

  constructor(url: string, size: number) {
    const target = targetOf(url);
    this.host = `${target.hostname}:${target.port}`;
    this.#connections = connectionsTo(target, size);
  }

  /** Sends it again when the connection fails or the server says 503: callers use keys. */
  async send(call: Call): Promise<Reply> {
    const text = requestText({ ...call, host: this.host });
    let last: Reply | null = null;
    let failure = '';
    for (let i = 0; i < tries; i++) {
      const connection = this.#next();
      const reply = await connection.request(text);
      if (reply !== null && reply.status !== 503) return reply;
      last = reply;
      failure = connection.failure;
      await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 ** i));
    }
    if (last !== null) return last;
    throw new Error(`${call.method} ${call.path}: no answer from ${this.host}: ${failure}`);
  }

  /** The JSON of the answer with this status; throws an AnswerError for any other. */
  async json<T>(call: Call, status: number): Promise<T> {
    const reply = await this.send(call);
    if (reply.status !== status) throw new AnswerError(`${call.method} ${call.path}`, reply);
    return JSON.parse(reply.body) as T;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #next(): Connection {
    this.#turn = (this.#turn + 1) % this.#connections.length;
    const connection = this.#connections[this.#turn];
    if (connection === undefined) throw new Error('a pool has at least one connection');
    return connection;
  }
}
