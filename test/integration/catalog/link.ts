// A cable to a TCP server that can be cut, left hanging and mended: what a store's loss looks like.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Link {
  /** The same url, through the cable. */
  readonly url: string;
  /** Open connections end, new ones are refused. */
  cut(): Promise<void>;
  /** Nothing passes any more, and nobody says so. */
  hang(): void;
  /** True when it had been cut or was hanging. */
  mend(): Promise<boolean>;
  /** Open connections end; new ones are welcome. */
  drop(): void;
  close(): Promise<void>;
}

export async function linkTo(targetUrl: string): Promise<Link> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let hanging = false;
  const accept = (client: Socket): void => {
    const server = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!hanging) to.write(bytes);
      });
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
    cut,
    hang: () => {
      hanging = true;
    },
    drop,
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
