/** GET /v1/socket: who may open one, and the hub behind it. */
import { problem } from '../../platform/http/problems.ts';
import type { ProblemInput } from '../../platform/http/problems.ts';
import type { Route } from '../../platform/http/route.ts';
import { isLimited } from '../../platform/http/rate.ts';
import type { RateLimits } from '../../platform/config.ts';
import type { Accepted, SocketRoute, Upgrade } from '../../platform/http/socket.ts';
import { invariant } from '../../platform/fault.ts';
import type { Log } from '../../platform/log.ts';
import type { Api } from '../api.ts';
import { isVendorKey } from '../auth.ts';
import type { CatalogClient } from '../catalog-client.ts';
import type { LineDesk } from '../line-desk.ts';
import { Client } from './client.ts';
import { protocols } from './codec.ts';
import { Hub } from './hub.ts';
import type { HubOptions } from './hub.ts';
import { bufferedMaxBytes, cutBytes, entry, idleSeconds, socketsMax } from './limits.ts';
import { mayOpen } from './origin.ts';

export interface SocketOptions {
  readonly api: Api;
  readonly catalog: CatalogClient;
  readonly desk: LineDesk;
  readonly log: Log;
  readonly identify: HubOptions['identify'];
  readonly allowedOrigins: readonly string[];
  /** Whose messages are limited: as the limits of routes. */
  readonly rateLimits: RateLimits;
}

const path = '/v1/socket';
const names = Object.keys(protocols).join(' or ');

const badOrigin = problem('forbidden', 'Pages of this origin may not open a socket.', {
  param: 'Origin',
});
const badProtocol = problem('invalid_request', `Sec-WebSocket-Protocol has to offer ${names}.`, {
  param: 'Sec-WebSocket-Protocol',
});
const badToken = problem('unauthenticated', 'The token is not valid, or not any more.');
const full = problem('unavailable', 'This server has no room for another socket.', {
  retryAfterMs: 5000,
});
const noUpgrade = problem('invalid_request', `This is a WebSocket: send Upgrade, and ${names}.`, {
  headers: { upgrade: 'websocket' },
  param: 'Upgrade',
});

/** For the table: whoever asks without an upgrade is told what this is. */
export function openSocketRoute(): Route {
  return {
    id: 'openSocket',
    method: 'GET',
    path,
    half: 'sale',
    auth: 'public',
    summary: 'The socket',
    description:
      'A WebSocket (`highnoon.v1.json` or `highnoon.v1.msgpack`): live sales, tickets and orders, and ' +
      'the commands of shoppers. Its messages are in `/asyncapi.json`.',
    bodyMode: 'raw',
    idempotencyKey: 'none',
    responses: { 101: null },
    errors: ['invalid_request', 'unauthenticated', 'forbidden', 'unavailable'],
    handle: (ctx) => ctx.problem(noUpgrade),
  };
}

export function createSocket(options: SocketOptions): SocketRoute {
  let hub: Hub | null = null;
  const ready = (): Hub => {
    invariant(hub !== null, 'the socket has been attached');
    return hub;
  };
  return {
    path,
    maxPayloadBytes: cutBytes,
    maxBufferedBytes: bufferedMaxBytes,
    idleSeconds,
    entry,
    attach: (publisher) => {
      const { api, catalog, desk, log, identify } = options;
      hub = new Hub({ api, catalog, desk, log, publisher, identify });
    },
    upgrade: (asked) => upgrade(asked, ready(), options),
    inFlight: () => ready().inFlight(),
    goodbye: () => ready().goodbye(),
    close: () => ready().close(),
  };
}

function upgrade(asked: Upgrade, hub: Hub, options: SocketOptions): Accepted | ProblemInput {
  if (!mayOpen(asked.origin, asked.host, options.allowedOrigins)) return badOrigin;
  const protocol = asked.protocols.find((name) => Object.hasOwn(protocols, name));
  const form = protocol === undefined ? undefined : protocols[protocol];
  if (protocol === undefined || form === undefined) return badProtocol;
  if (hub.sessions.open.size >= socketsMax) return full;
  const token = tokenOf(asked.authorization);
  if (token === undefined) return badToken;
  // A shopper's token is judged at once; a vendor's key has to be looked up, at hello.
  if (token !== '' && !isVendorKey(token) && options.identify(token) === null) return badToken;
  const limited = isLimited(options.rateLimits, asked.ip);
  return {
    protocol,
    open: (peer) => new Client(hub, peer, hub.begin(form, peer, token), limited),
  };
}

/** '' = none; undefined = no bearer. */
function tokenOf(authorization: string): string | undefined {
  if (authorization === '') return '';
  return /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
}
