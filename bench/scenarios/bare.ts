/** Baselines: a server that gives the bytes that the product gave, and does nothing for them. */
import type { BareOrder } from '../baselines/bare-route.ts';
import { startServer } from '../child-server.ts';
import type { ChildServer } from '../child-server.ts';
import type { Reply } from '../client/reply.ts';

/** What the server writes by itself into every answer. */
const ownHeaders = new Set(['content-length', 'date', 'uwebsockets', 'connection']);

/** An answer as a bare route has to give it. */
export function bareAnswer(reply: Reply): Omit<BareOrder, 'authorizations'> {
  const [first = '', ...lines] = reply.head.split('\r\n');
  const headers = lines
    .map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    })
    .filter(([name]) => !ownHeaders.has(name.toLowerCase()));
  return { status: first.slice('HTTP/1.1 '.length), headers, body: reply.body };
}

/** A bare route for holds that answers each of these shoppers so. */
export function startBareRoute(reply: Reply, tokens: readonly string[]): Promise<ChildServer> {
  const authorizations = tokens.map((token) => `Bearer ${token}`);
  const order: BareOrder = { ...bareAnswer(reply), authorizations };
  return startServer('baselines/bare-route.js', { order });
}
