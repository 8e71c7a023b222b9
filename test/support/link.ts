/**
 * A cable to a TCP server that behaves badly on request: cut, hanging, slow, one byte at a time,
 * refusing, or losing a reply, or the rest of one, whose request arrived. What it lets through is unchanged, unless
 * `change` says otherwise. It is what the loss of a store looks like to one process.
 */
import { once } from 'node:events';
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

export interface LinkOptions {
  /** To listen on, on loopback; 0 = any free one. */
  readonly port?: number;
  /** What becomes of bytes that come from the server. */
  readonly change?: (bytes: Buffer) => Buffer;
}

const wellBehaved: Misbehaviour = {
  delayMs: 0,
  pieceBytes: Number.MAX_SAFE_INTEGER,
  silent: false,
  refusing: false,
};

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
  /** Its next reply gets lost. */
  lost: (() => void) | null;
}

interface Loss {
  readonly isMeant: (request: Buffer) => boolean;
  readonly lost: () => void;
}

export class Link {
  /** The server's url, through the cable. */
  readonly url: string;
  readonly port: number;
  readonly #listener: Server;
  readonly #target: URL;
  readonly #change: (bytes: Buffer) => Buffer;
  readonly #wires = new Set<Wire>();
  /** Also those that were ended gently and have not closed their side. */
  readonly #clients = new Set<Socket>();
  #how = wellBehaved;
  /** Replies that are still to be lost: the request arrives, its answer does not. */
  #losing = 0;
  #passing = 0;
  #lost = 0;
  #meant: Loss | null = null;

  private constructor(listener: Server, port: number, target: URL, change?: LinkOptions['change']) {
    this.#listener = listener;
    this.#target = target;
    this.#change = change ?? ((bytes) => bytes);
    this.port = port;
    const url = new URL(target);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    this.url = url.href;
    listener.on('connection', (client) => {
      this.#accept(client);
    });
  }

  /** Use `linkTo`. */
  static listen(url: string, { port = 0, change }: LinkOptions): Promise<Link> {
    const listener = createServer({ noDelay: true, pauseOnConnect: true });
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', () => {
        const address = listener.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve(new Link(listener, bound, new URL(url), change));
      });
    });
  }

  /** `host:port` of the near end. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#wires.size;
  }

  /** Replies that were lost on purpose so far. */
  get lost(): number {
    return this.#lost;
  }

  misbehave(how: Partial<Misbehaviour>): void {
    this.#how = { ...wellBehaved, ...how };
    if (!this.#how.silent) this.#resumeAll();
  }

  /** From now on everything passes, also what was kept meanwhile. */
  behave(): void {
    this.#losing = 0;
    this.misbehave({});
  }

  /** Resets every connection; new ones are welcome. */
  drop(): void {
    for (const wire of this.#wires) this.#reset(wire);
  }

  /** Resets every connection, now and until it is mended. Resolves when all are closed. */
  async cut(): Promise<void> {
    this.misbehave({ refusing: true });
    const closed = [...this.#wires].map(({ server }) => once(server, 'close'));
    this.drop();
    await Promise.all(closed);
  }

  /** Nothing passes any more, and nobody says so. */
  hang(): void {
    this.misbehave({ silent: true });
  }

  /** Ends a cut or a hanging; connections that hung are reset. True when there was one. */
  async mend(): Promise<boolean> {
    if (!this.#how.refusing && !this.#how.silent) return false;
    await this.cut();
    this.behave();
    return true;
  }

  /** Lets the next `count` replies get lost, each with its connection, after `share` of their bytes. */
  loseReplies(count: number, share = 0): void {
    this.#losing = count;
    this.#passing = share;
  }

  /**
   * Lets the next request that `isMeant` knows reach the server, throws away the answer and ends
   * its connection. Resolves once the server has answered.
   */
  loseReply(isMeant: (request: Buffer) => boolean): Promise<void> {
    return new Promise((lost) => {
      this.#meant = { isMeant, lost };
    });
  }

  close(): Promise<void> {
    this.drop();
    for (const client of this.#clients) client.destroy();
    return new Promise((resolve) => {
      this.#listener.close(() => {
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined); // 'close' follows
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    if (this.#how.refusing) {
      client.resetAndDestroy();
      return;
    }
    const { hostname: host, port } = this.#target;
    const server = connect({ host, port: Number(port), noDelay: true });
    server.on('error', () => undefined);
    const wire: Wire = { client, server, lost: null };
    this.#wires.add(wire);
    for (const socket of [client, server]) {
      socket.on('close', () => {
        this.#reset(wire);
      });
      socket.on('end', () => {
        this.#reset(wire);
      });
    }
    this.#pump(client, server, (chunk) => {
      if (this.#meant?.isMeant(chunk) === true) [wire.lost, this.#meant] = [this.#meant.lost, null];
      return chunk;
    });
    this.#pump(server, client, (bytes, alone) => {
      const chunk = this.#change(bytes);
      return this.#isLost(wire, alone ? chunk : null) ? null : chunk;
    });
    server.on('connect', () => client.resume());
  }

  /**
   * True when this reply was not to arrive, or not all of it; its connection is gone then. `reply` =
   * null while others are before it on their way.
   */
  #isLost(wire: Wire, reply: Buffer | null): boolean {
    if (this.#losing === 0 && wire.lost === null) return false;
    const share = wire.lost === null ? this.#passing : 0;
    const begun = reply?.subarray(0, Math.floor(reply.length * share)) ?? Buffer.alloc(0);
    if (wire.lost === null) this.#losing -= 1;
    this.#lost += 1;
    if (begun.length > 0) wire.client.end(begun);
    this.#reset(wire, begun.length > 0);
    wire.lost?.();
    return true;
  }

  /** `look` = what becomes of a chunk, with nothing before it or not; null = nothing. */
  #pump(from: Socket, to: Socket, look: (chunk: Buffer, alone: boolean) => Buffer | null): void {
    let before: Promise<void> = Promise.resolve();
    /** Chunks on their way: whatever happens, nothing overtakes them. */
    let underWay = 0;
    from.on('data', (bytes) => {
      // A silent cable keeps what it has read until it speaks again.
      if (this.#how.silent) {
        from.pause();
        from.unshift(bytes);
        return;
      }
      const chunk = look(bytes, underWay === 0);
      if (chunk === null) return;
      if (underWay === 0 && this.#how.delayMs === 0 && chunk.length <= this.#how.pieceBytes) {
        if (!to.write(chunk)) this.#untilDrained(from, to);
        return;
      }
      from.pause();
      underWay += 1;
      before = before
        .then(() => this.#pass(chunk, to))
        .then(() => {
          underWay -= 1;
          from.resume();
        });
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
    for (const { client, server } of this.#wires) {
      client.resume();
      server.resume();
    }
  }

  /** `gently` = what the client was sent arrives before its end. */
  #reset(wire: Wire, gently = false): void {
    if (!this.#wires.delete(wire)) return;
    if (!gently) wire.client.resetAndDestroy();
    wire.server.resetAndDestroy();
  }
}

/** A cable to the server of this url. */
export const linkTo = (url: string, options: LinkOptions = {}): Promise<Link> =>
  Link.listen(url, options);

/**
 * A cable to a broker. Clients go where its answers tell them to, so the broker's address in them
 * is replaced by the cable's: a length of two bytes, the host, a port of four.
 */
export async function linkToKafka(brokers: string): Promise<Link> {
  const url = new URL(`tcp://${brokers}`);
  const host = Buffer.from(`\0${String.fromCharCode(url.hostname.length)}${url.hostname}`);
  let near = 0;
  const link = await linkTo(url.href, {
    change(bytes) {
      for (let at = bytes.indexOf(host); at >= 0; at = bytes.indexOf(host, at + 1)) {
        const port = at + host.length;
        if (port + 4 > bytes.length || bytes.readInt32BE(port) !== Number(url.port)) continue;
        bytes.writeInt32BE(near, port);
      }
      return bytes;
    },
  });
  near = link.port;
  return link;
}

const produceKey = 0;

/** A request of Kafka that publishes: its size, then the number of what it asks. */
export const isProduce = (request: Buffer): boolean =>
  request.length > 6 && request.readInt16BE(4) === produceKey;
