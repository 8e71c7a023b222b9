/**
 * One keep-alive connection with one request under way at a time; what is sent meanwhile waits its
 * turn. It opens by itself, again after every close. All connections read into the same buffer, so
 * an idle one costs little.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { closesAfter, ReplyReader } from './reply.ts';
import type { Reply } from './reply.ts';

/** Null: the connection failed, and whether the request took effect is not known. */
export type OnReply = (reply: Reply | null) => void;

export interface Target {
  readonly hostname: string;
  readonly port: number;
}

/** Ports are counted for each of them, so that 8 carry more than 200,000 connections. */
export const localAddresses: readonly string[] = [1, 2, 3, 4, 5, 6, 7, 8].map(
  (n) => `127.0.0.${n}`,
);

const answerMaxMs = 15_000;
const noAnswer = `no answer within ${answerMaxMs / 1000} s`;
const readBuffer = Buffer.allocUnsafe(65_536);

interface Waiting {
  readonly text: string;
  readonly done: OnReply;
}

export function targetOf(url: string): Target {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port === '' ? 80 : port) };
}

export class Connection {
  readonly #target: Target;
  readonly #localAddress: string | undefined;
  #socket: Socket | null = null;
  #open = false;
  #reader = new ReplyReader();
  #current: OnReply | null = null;
  readonly #waiting: Waiting[] = [];
  #onOpen: ((open: boolean) => void) | null = null;
  #failure = 'the connection was closed';

  constructor(target: Target, localAddress?: string) {
    this.#target = target;
    this.#localAddress = localAddress;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Why the last connection ended. */
  get failure(): string {
    return this.#failure;
  }

  /** True when it is open, false when it could not be opened. */
  open(): Promise<boolean> {
    if (this.#open) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.#connect();
    });
  }

  /** `text` is ASCII. */
  send(text: string, done: OnReply): void {
    if (this.#open && this.#current === null) {
      this.#current = done;
      this.#socket?.write(text, 'latin1');
      return;
    }
    this.#waiting.push({ text, done });
    this.#connect();
  }

  request(text: string): Promise<Reply | null> {
    return new Promise((resolve) => {
      this.send(text, resolve);
    });
  }

  /** What waits is answered with null. */
  close(): void {
    this.#socket?.destroy();
    this.#lost();
  }

  #connect(): void {
    if (this.#socket !== null) return;
    const socket = connect({
      host: this.#target.hostname,
      port: this.#target.port,
      ...(this.#localAddress === undefined ? {} : { localAddress: this.#localAddress }),
      onread: {
        buffer: readBuffer,
        callback: (size) => {
          this.#read(socket, size);
          return true;
        },
      },
    });
    this.#socket = socket;
    this.#reader = new ReplyReader();
    socket.setTimeout(answerMaxMs);
    socket.on('connect', () => {
      this.#open = true;
      this.#tellOpen(true);
      this.#next();
    });
    socket.on('timeout', () => {
      if (this.#current !== null || !this.#open) socket.destroy(new Error(noAnswer));
    });
    socket.on('error', ({ message }) => {
      this.#failure = message; // 'close' follows
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost();
    });
  }

  #read(socket: Socket, size: number): void {
    if (this.#socket !== socket) return;
    let reply: Reply | null;
    try {
      reply = this.#reader.push(readBuffer.subarray(0, size));
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const done = this.#current;
    if (reply === null || done === null) return;
    this.#current = null;
    if (closesAfter(reply)) this.#drop(socket);
    done(reply);
    this.#next();
  }

  /** The answer is whole, but the server takes no other request here. */
  #drop(socket: Socket): void {
    this.#socket = null;
    this.#open = false;
    socket.destroy();
  }

  #next(): void {
    if (this.#current !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (this.#open) {
      this.#current = next.done;
      this.#socket?.write(next.text, 'latin1');
    } else {
      this.#waiting.unshift(next);
      this.#connect();
    }
  }

  #lost(): void {
    const wasOpen = this.#open;
    const failed = [...(this.#current === null ? [] : [this.#current])];
    // Not sent yet: after a close they get another connection, after a failed one an answer.
    if (!wasOpen) failed.push(...this.#waiting.splice(0).map(({ done }) => done));
    this.#socket = null;
    this.#open = false;
    this.#current = null;
    this.#tellOpen(false);
    for (const done of failed) done(null);
    if (this.#waiting.length > 0) this.#connect();
  }

  #tellOpen(open: boolean): void {
    const tell = this.#onOpen;
    this.#onOpen = null;
    tell?.(open);
  }
}

/** So many connections from all addresses in turn, none of them open yet. */
export const connectionsTo = (target: Target, count: number): Connection[] =>
  Array.from(
    { length: count },
    (_, i) => new Connection(target, localAddresses[i % localAddresses.length]),
  );
