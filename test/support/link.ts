/**
 * A cable to a TCP server that can be cut, left hanging and mended, and on which a reply can be
 * lost: what the loss of a store looks like. Bytes pass unchanged unless `change` says otherwise.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Link {
  /** The same url, through the cable. */
  readonly url: string;
  /** `host:port` of the cable's near end. */
  readonly address: string;
  /** Open connections end, new ones are refused. */
  cut(): Promise<void>;
  /** Nothing passes any more, and nobody says so. */
  hang(): void;
  /** True when it had been cut or was hanging. */
  mend(): Promise<boolean>;
  /** Open connections end; new ones are welcome. */
  drop(): void;
  /**
   * Lets the next request that `isMeant` knows reach the server, throws away the answer and ends
   * its connection. Resolves once the server has answered.
   */
  loseReply(isMeant: (request: Buffer) => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface LinkOptions {
  /** What becomes of bytes that come from the server. */
  readonly change?: (bytes: Buffer) => Buffer;
}

interface Loss {
  readonly isMeant: (request: Buffer) => boolean;
  readonly lost: () => void;
}

export async function linkTo(targetUrl: string, options: LinkOptions = {}): Promise<Link> {
  const target = new URL(targetUrl);
  const change = options.change ?? ((bytes: Buffer) => bytes);
  const sockets = new Set<Socket>();
  let hanging = false;
  let next: Loss | null = null;
  const accept = (client: Socket): void => {
    const server = connect(Number(target.port), target.hostname);
    let losing: Loss | null = null;
    client.on('data', (bytes) => {
      if (next?.isMeant(bytes) === true) [losing, next] = [next, null];
      if (!hanging) server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (losing !== null) {
        client.destroy();
        losing.lost();
      } else if (!hanging) client.write(change(bytes));
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  };
  let listener = createServer(accept);
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  const url = new URL(targetUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const cut = (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      if (listener.listening) listener.close(() => resolve());
      else resolve();
    });
    drop();
    return closed;
  };
  return {
    url: url.href,
    address: `127.0.0.1:${port}`,
    cut,
    hang: () => {
      hanging = true;
    },
    drop,
    loseReply: (isMeant) =>
      new Promise((lost) => {
        next = { isMeant, lost };
      }),
    async mend() {
      if (listener.listening && !hanging) return false;
      hanging = false;
      await cut();
      listener = createServer(accept);
      await listen(port);
      return true;
    },
    close: cut,
  };
}

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
  near = Number(new URL(link.url).port);
  return link;
}

const produceKey = 0;

/** A request of Kafka that publishes: its size, then the number of what it asks. */
export const isProduce = (request: Buffer): boolean =>
  request.length > 6 && request.readInt16BE(4) === produceKey;
