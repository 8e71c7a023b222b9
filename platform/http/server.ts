/**
 * The only file that imports uWebSockets.js: listens, routes by the table, hands each request to
 * an Exchange, and closes without dropping an answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as uWS from 'uWebSockets.js';
import { readAwaited } from '../awaited.ts';
import type { RateLimits } from '../config.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import type { Surroundings } from './answer.ts';
import { bindRoute } from './bound.ts';
import type { BoundRoute } from './bound.ts';
import { Exchange } from './exchange.ts';
import { Heartbeat } from './heartbeat.ts';
import { problem } from './problems.ts';
import { requestIds } from './keys.ts';
import { Limiter } from './rate.ts';
import type { AuthResult, Ctx, Method, Route } from './route.ts';
import type { Sent, SocketHandler, SocketPeer, SocketRoute } from './socket.ts';
import type { WebFile } from './static.ts';
import { StreamedExchange } from './streamed.ts';
import { Turnstile } from './turnstile.ts';
import { Validators } from './validate.ts';

export type Need = 'vendor' | 'shopper';

export interface HttpServerOptions {
  readonly name: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Synchronous where it can be: a promise costs every request. */
  readonly authenticate: (
    authorization: string | undefined,
    need: Need,
  ) => AuthResult | Promise<AuthResult>;
  readonly log: Log;
  /** Its path is one of the routes'. */
  readonly socket?: SocketRoute;
  /** Default `on`. */
  readonly rateLimits?: RateLimits;
  /** For who asks for a page, outside of the api's own paths; all others are told by a problem. */
  readonly missingPage?: Pick<WebFile, 'bytes' | 'headers'>;
}

export interface HttpServer {
  readonly port: number;
  /** Requests that wait for their answer. */
  inFlight(): number;
  /** Stops accepting, answers what is in flight with `Connection: close`, then closes all. */
  close(drainMs: number): Promise<void>;
}

/** Rejects when the port is taken: two processes must never share it silently. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = uWS.App();
  const heartbeat = new Heartbeat();
  const around = surroundings(options, heartbeat);
  const validators = new Validators();
  for (const route of options.routes) {
    const bound = bindRoute(route, validators);
    if (route.path === options.socket?.path) registerSocket(app, bound, around, options.socket);
    register(app, bound, around);
  }
  registerMisses(app, options, validators, around);
  const socket = await listen(app, options);
  validators.warmUp();
  const port = uWS.us_socket_local_port(socket);
  let closing: Promise<void> | undefined;
  return {
    port,
    inFlight: () => around.inFlight,
    close: (drainMs) =>
      (closing ??= drain(app, socket, around, options.socket, drainMs).finally(() => {
        heartbeat.end();
      })),
  };
}

function surroundings(options: HttpServerOptions, heartbeat: Heartbeat): Surroundings {
  const limiter = new Limiter(options.rateLimits ?? 'on');
  return {
    log: options.log,
    authenticate: options.authenticate,
    limit: (ctx) => limiter.check(ctx),
    nextRequestId: requestIds(`${options.name}-${Date.now().toString(36)}-`),
    stoodStill: (startedAtMs) => heartbeat.stoodStill(startedAtMs),
    draining: false,
    inFlight: 0,
  };
}

function register(app: uWS.TemplatedApp, bound: BoundRoute, around: Surroundings): void {
  const pattern = patternOf(bound.route.path);
  const handler = handlerOf(bound, around);
  switch (bound.route.method) {
    case 'GET':
      app.get(pattern, handler);
      app.head(pattern, withoutBody(bound, around, true));
      break;
    case 'POST':
      app.post(pattern, handler);
      break;
    case 'PUT':
      app.put(pattern, handler);
      break;
    case 'PATCH':
      app.patch(pattern, handler);
      break;
    case 'DELETE':
      app.del(pattern, handler);
      break;
  }
}

function handlerOf(bound: BoundRoute, around: Surroundings): Handler {
  if (bound.streams) return withStream(bound, around);
  return bound.readsBody ? withBody(bound, around) : withoutBody(bound, around, false);
}

type Handler = (res: uWS.HttpResponse, req: uWS.HttpRequest) => void;

/**
 * The abort handler comes first, whatever happens after: without it uWS ends the process unless the
 * answer has left by the end of the call.
 */
function withBody(bound: BoundRoute, around: Surroundings): Handler {
  return (res, req) => {
    readAwaited();
    const exchange = new Exchange(bound, around, res, false);
    res.onAborted(() => exchange.onAborted());
    exchange.copy(req);
    if (exchange.refusesLengths(req) || exchange.refusesDeclared(req)) return;
    res.onData((chunk, isLast) => exchange.onData(chunk, isLast));
  };
}

function withStream(bound: BoundRoute, around: Surroundings): Handler {
  return (res, req) => {
    readAwaited();
    const exchange = new StreamedExchange(bound, around, res);
    res.onAborted(() => exchange.onAborted());
    exchange.copy(req);
    if (exchange.refusesLengths(req) || exchange.refusesDeclared(req)) return;
    res.onData((chunk, isLast) => exchange.onData(chunk, isLast));
    exchange.proceed();
  };
}

function withoutBody(bound: BoundRoute, around: Surroundings, isHead: boolean): Handler {
  return (res, req) => {
    readAwaited();
    const exchange = new Exchange(bound, around, res, isHead);
    try {
      exchange.copy(req);
      if (!exchange.refusesLengths(req)) exchange.proceed();
    } finally {
      // Many have their answer by now, and then nobody needs to be told that they are gone.
      if (!exchange.left) res.onAborted(() => exchange.onAborted());
    }
  };
}

/** An open socket; `ws` must not be touched once it is closed. */
class Wire implements SocketPeer {
  ws: uWS.WebSocket<WireData> | null = null;
  handler: SocketHandler | null = null;

  send(message: string | Uint8Array, isBinary: boolean): Sent {
    if (this.ws === null) return 'closed';
    return sendStates[this.ws.send(message, isBinary)] ?? 'dropped';
  }

  buffered(): number {
    return this.ws?.getBufferedAmount() ?? 0;
  }

  subscribe(topic: string): void {
    this.ws?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.ws?.unsubscribe(topic);
  }

  end(code: number, reason: string): void {
    this.ws?.end(code, reason);
  }
}

/** By what `send` answers. */
const sendStates: readonly Sent[] = ['waiting', 'sent', 'dropped'];

interface WireData {
  readonly wire: Wire;
  readonly open: (peer: SocketPeer) => SocketHandler;
}

function registerSocket(
  app: uWS.TemplatedApp,
  bound: BoundRoute,
  around: Surroundings,
  route: SocketRoute,
): void {
  route.attach({
    publish: (topic, message, isBinary) => {
      app.publish(topic, message, isBinary);
    },
  });
  const entry: Turnstile = new Turnstile({
    ...route.entry,
    isBusy: () => !around.draining && (around.inFlight > entry.waiting || route.inFlight() > 0),
  });
  app.ws<WireData>(patternOf(route.path), {
    maxPayloadLength: route.maxPayloadBytes,
    maxBackpressure: route.maxBufferedBytes,
    idleTimeout: route.idleSeconds,
    sendPingsAutomatically: true,
    upgrade: (res, req, context) => {
      readAwaited();
      const exchange = new Exchange(bound, around, res, false);
      res.onAborted(() => exchange.onAborted());
      exchange.copy(req);
      const asked = exchange.upgradeOf(req);
      const key = req.getHeader('sec-websocket-key');
      const enter = (): boolean => {
        if (exchange.done) return false;
        const accepted = around.draining ? closing : route.upgrade(asked);
        if ('code' in accepted) exchange.problem(accepted);
        else {
          const data = { wire: new Wire(), open: accepted.open };
          exchange.upgraded();
          res.cork(() => res.upgrade(data, key, accepted.protocol, '', context));
        }
        return true;
      };
      const refusal = exchange.queryProblem();
      if (refusal !== null) exchange.problem(refusal);
      else if (!entry.pass(enter)) exchange.problem(crowded);
    },
    open: (ws) => {
      const { wire, open } = ws.getUserData();
      wire.ws = ws;
      wire.handler = open(wire);
    },
    message: (ws, bytes, isBinary) => {
      readAwaited();
      ws.getUserData().wire.handler?.message(new Uint8Array(bytes), isBinary);
    },
    dropped: (ws) => ws.getUserData().wire.handler?.dropped(),
    drain: (ws) => ws.getUserData().wire.handler?.drained(),
    close: (ws) => {
      const { wire } = ws.getUserData();
      wire.ws = null;
      wire.handler?.closed();
    },
  });
}

const closing = problem('unavailable', 'This server is closing: connect again.', {
  retryAfterMs: 1000,
});

const crowded = problem('unavailable', 'More ask for a socket than can wait for one.', {
  retryAfterMs: 5000,
});

function patternOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** 405 with Allow for a known path, 404 for the rest. */
function registerMisses(
  app: uWS.TemplatedApp,
  { routes, missingPage }: HttpServerOptions,
  validators: Validators,
  around: Surroundings,
): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of routes) {
    const found = methods.get(patternOf(path)) ?? new Set();
    methods.set(patternOf(path), found.add(method));
    if (method === 'GET') found.add('HEAD');
  }
  for (const [pattern, allowed] of methods) {
    const allow = [...allowed].join(', ');
    const refusal = problem('method_not_allowed', `This path takes ${allow}.`, {
      headers: { allow },
    });
    const miss = missRoute('methodNotAllowed', (ctx) => ctx.problem(refusal));
    app.any(pattern, missed(bindRoute(miss, validators), around));
  }
  const nothing = problem('not_found', 'There is no such path; /docs lists them all.');
  const miss = missRoute('notFound', (ctx) => {
    if (missingPage === undefined || !asksForPage(ctx)) ctx.problem(nothing);
    else ctx.reply(404, missingPage.bytes, missingPage.headers);
  });
  app.any('/*', missed(bindRoute(miss, validators), around));
}

/** A browser that was sent to an address. */
const asksForPage = (ctx: Ctx): boolean =>
  ctx.header('accept')?.includes('text/html') === true && !/^\/v\d+(\/|\?|$)/.test(ctx.url);

function missed(bound: BoundRoute, around: Surroundings): Handler {
  const plain = withoutBody(bound, around, false);
  const head = withoutBody(bound, around, true);
  return (res, req) => (req.getMethod() === 'head' ? head(res, req) : plain(res, req));
}

function missRoute(id: string, handle: Route['handle']): Route {
  const method: Method = 'GET';
  return {
    id,
    method,
    path: '/',
    half: 'sale',
    auth: 'public',
    summary: '',
    bodyMode: 'raw',
    idempotencyKey: 'none',
    responses: {},
    errors: [],
    handle,
  };
}

/** The typings leave the constant and this form of `listen` out. */
interface ExclusiveListen {
  listen(
    host: string,
    port: number,
    options: number,
    done: (socket: uWS.us_listen_socket | false) => void,
  ): void;
}

function listen(app: uWS.TemplatedApp, options: HttpServerOptions): Promise<uWS.us_listen_socket> {
  const { LIBUS_LISTEN_EXCLUSIVE_PORT: exclusive } = uWS as unknown as Record<string, number>;
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    (app as unknown as ExclusiveListen).listen(host, port, exclusive ?? 1, (socket) => {
      if (socket !== false) resolve(socket);
      else reject(new Fault('listen', `port ${port} of ${host} is taken`, { retryable: false }));
    });
  });
}

const drainPollMs = 10;
/** What was answered last still has to leave the socket. */
const flushMs = 50;

async function drain(
  app: uWS.TemplatedApp,
  socket: uWS.us_listen_socket,
  around: Surroundings,
  sockets: SocketRoute | undefined,
  drainMs: number,
): Promise<void> {
  around.draining = true;
  uWS.us_listen_socket_close(socket);
  sockets?.goodbye();
  const deadline = performance.now() + drainMs;
  const waiting = (): number => around.inFlight + (sockets?.inFlight() ?? 0);
  while (waiting() > 0 && performance.now() < deadline) await sleep(drainPollMs);
  sockets?.close();
  await sleep(flushMs);
  app.close();
}
