/**
 * A client of the socket, from outside. Every message that it gets must be one that /asyncapi.json
 * knows, of its schema and with nothing beside, with a `seq` that rises; otherwise whoever waits next,
 * or ends it, is told. What it sends must be of that document too, unless it is sent `anyway`.
 */
import { Packr, Unpackr } from 'msgpackr';
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { ServerType } from '../../api/socket/messages.ts';
import { misfit } from './socket-document.ts';

export type Message = Readonly<Record<string, unknown>>;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });
const waitMs = 8000;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface SocketAsked {
  readonly token?: string;
  /** By header instead of hello. */
  readonly byHeader?: boolean;
  readonly form?: 'json' | 'msgpack';
  readonly headers?: Readonly<Record<string, string>>;
  readonly resume?: { readonly session: string; readonly seq: number };
  /** Does not say hello by itself. */
  readonly silent?: boolean;
}

export class SocketClient {
  /** All that came, in order. */
  readonly messages: Message[] = [];
  readonly ws: WebSocket;
  readonly closed: Promise<Closed>;
  session = '';
  seq = 0;
  readonly #form: 'json' | 'msgpack';
  readonly #wrong: string[] = [];
  #taken = new Set<Message>();
  #wake: (() => void)[] = [];

  private constructor(url: string, asked: SocketAsked) {
    this.#form = asked.form ?? 'json';
    const headers: Record<string, string> = { ...asked.headers };
    if (asked.byHeader === true) headers['authorization'] = `Bearer ${asked.token ?? ''}`;
    this.seq = asked.resume?.seq ?? 0;
    const address = `${url.replace(/^http/, 'ws')}/v1/socket`;
    this.ws = new WebSocket(address, [`highnoon.v1.${this.#form}`], { headers });
    this.ws.on('message', (data: Buffer, isBinary: boolean) => this.#take(data, isBinary));
    this.ws.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wakeAll();
      });
    });
  }

  /** Opens it; says hello and waits for the welcome, unless it is to be silent. */
  static async open(url: string, asked: SocketAsked = {}): Promise<SocketClient> {
    const client = new SocketClient(url, asked);
    await new Promise<void>((resolve, reject) => {
      client.ws.once('open', resolve);
      client.ws.once('unexpected-response', (_request, response) => {
        reject(new Error(`${response.statusCode ?? 0}`));
        client.ws.terminate();
      });
      client.ws.once('error', reject);
    });
    if (asked.silent === true) return client;
    const token =
      asked.byHeader === true || asked.token === undefined ? {} : { token: asked.token };
    const resume = asked.resume === undefined ? {} : { resume: asked.resume };
    client.send({ type: 'hello', ...token, ...resume });
    const welcome = await client.next('welcome');
    client.session = welcome['session'] as string;
    return client;
  }

  send(message: unknown): void {
    const wrong = misfit('client', message);
    if (wrong !== null) throw new Error(`a test sends what nobody may: ${wrong}`);
    this.sendAnyway(message);
  }

  /** What the document does not allow. */
  sendAnyway(message: unknown): void {
    this.raw(this.#form === 'json' ? JSON.stringify(message) : packr.pack(message));
  }

  raw(bytes: string | Buffer): void {
    this.ws.send(bytes);
  }

  /** Sends a command with a new id, and waits for its outcome. */
  async ask(type: string, fields: object, id: string = randomUUID()): Promise<Message> {
    this.send({ type, id, ...fields });
    return this.#outcomeOf(id);
  }

  /** As `ask`, of what the document does not allow. */
  async askAnyway(type: string, fields: object): Promise<Message> {
    const id = randomUUID();
    this.sendAnyway({ type, id, ...fields });
    return this.#outcomeOf(id);
  }

  #outcomeOf(id: string): Promise<Message> {
    return this.next('outcome', (message) => message['id'] === id);
  }

  /** The next message of this type that nobody has taken, for which this holds. */
  async next(
    type: ServerType,
    holds: (message: Message) => boolean = () => true,
  ): Promise<Message> {
    const until = Date.now() + waitMs;
    for (;;) {
      this.#mustBeSound();
      const found = this.messages.find(
        (message) => message['type'] === type && !this.#taken.has(message) && holds(message),
      );
      if (found !== undefined) {
        this.#taken.add(found);
        return found;
      }
      const left = until - Date.now();
      if (left <= 0 || this.ws.readyState === WebSocket.CLOSED) {
        const types = this.messages.map((message) => String(message['type']));
        throw new Error(`no ${type} came, but ${types.join(', ')}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  count(type: ServerType): number {
    return this.messages.filter((message) => message['type'] === type).length;
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.ws.terminate();
    this.#mustBeSound();
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed;
    this.#mustBeSound();
  }

  #mustBeSound(): void {
    if (this.#wrong.length > 0) throw new Error(this.#wrong.join('\n'));
  }

  #take(data: Buffer, isBinary: boolean): void {
    const isPacked = this.#form === 'msgpack';
    if (isBinary !== isPacked) this.#wrong.push('a frame of the other kind');
    const message = (isPacked ? unpackr.unpack(data) : JSON.parse(data.toString())) as Message;
    const type = String(message['type']);
    const wrong = misfit('server', message);
    if (wrong !== null) this.#wrong.push(wrong);
    if (message['resumed'] === false) this.seq = 0;
    if (type !== 'tick' && type !== 'sale') {
      const seq = message['seq'] as number;
      if (!(seq > this.seq)) this.#wrong.push(`${type}: seq ${seq} does not rise`);
      this.seq = Math.max(this.seq, seq);
    }
    this.messages.push(message);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
