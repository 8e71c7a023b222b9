/**
 * A TCP proxy that behaves badly on request: connections cut mid-reply, half-open, slow, one byte
 * at a time, refused. It stands between a process and one store; what it lets through is untouched.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Misbehaviour {
  /** Milliseconds before each chunk is passed on, in both directions. */
  readonly delayMs: number;
  /** Largest piece that is written at once. */
  readonly pieceBytes: number;
  /** Nothing is passed on and nobody is told: a half-open connection. */
  readonly silent: boolean;
  /** New connections are reset at once. */
  readonly refusing: boolean;
}

const wellBehaved: Misbehaviour = {
  delayMs: 0,
  pieceBytes: Number.MAX_SAFE_INTEGER,
  silent: false,
  refusing: false,
};

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class TcpProxy {
  readonly port: number;
  readonly #listener: Server;
  readonly #targetPort: number;
  readonly #links = new Set<Link>();
  #how = wellBehaved;
  /** Replies that are still to be lost: the request arrives, its answer does not. */
  #losing = 0;
  #lost = 0;

  private constructor(listener: Server, port: number, targetPort: number) {
    this.#listener = listener;
    this.port = port;
    this.#targetPort = targetPort;
    listener.on('connection', (client) => {
      this.#accept(client);
    });
  }

  /** Listens on loopback; `port` 0 = any free one. */
  static listen(targetPort: number, port = 0): Promise<TcpProxy> {
    const listener = createServer({ noDelay: true, pauseOnConnect: true });
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', () => {
        const address = listener.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve(new TcpProxy(listener, bound, targetPort));
      });
    });
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Replies that were lost on purpose so far. */
  get lost(): number {
    return this.#lost;
  }

  misbehave(how: Partial<Misbehaviour>): void {
    this.#how = { ...wellBehaved, ...how };
    if (!this.#how.silent) this.#resumeAll();
  }

  behave(): void {
    this.#losing = 0;
    this.misbehave({});
  }

  /** Resets every connection now. */
  cut(): void {
    for (const link of this.#links) this.#reset(link);
  }

  /** Lets the next `count` replies get lost, each with its connection. */
  loseReplies(count: number): void {
    this.#losing = count;
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => {
      this.#listener.close(() => {
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    if (this.#how.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const link: Link = { client, server };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        this.#reset(link);
      });
      socket.on('end', () => {
        this.#reset(link);
      });
    }
    this.#pump(link, client, server, false);
    this.#pump(link, server, client, true);
    server.on('connect', () => client.resume());
  }

  #pump(link: Link, from: Socket, to: Socket, isReply: boolean): void {
    let before: Promise<void> = Promise.resolve();
    from.on('data', (chunk) => {
      if (isReply && this.#losing > 0) {
        this.#losing -= 1;
        this.#lost += 1;
        this.#reset(link);
        return;
      }
      // A silent proxy keeps what it has read until it speaks again.
      if (this.#how.silent) {
        from.pause();
        from.unshift(chunk);
        return;
      }
      if (this.#how.delayMs === 0 && chunk.length <= this.#how.pieceBytes) {
        if (!to.write(chunk)) this.#untilDrained(from, to);
        return;
      }
      from.pause();
      before = before.then(() => this.#pass(chunk, to)).then(() => void from.resume());
    });
  }

  async #pass(chunk: Buffer, to: Socket): Promise<void> {
    const { delayMs, pieceBytes } = this.#how;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    for (let at = 0; at < chunk.length && !to.destroyed; at += pieceBytes) {
      await new Promise<void>((resolve) => {
        to.write(chunk.subarray(at, at + pieceBytes), () => {
          resolve();
        });
      });
    }
  }

  #untilDrained(from: Socket, to: Socket): void {
    from.pause();
    to.once('drain', () => from.resume());
  }

  #resumeAll(): void {
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  #reset(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }
}
