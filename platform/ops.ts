/**
 * The operators' port of a process: `/metrics` (its own, with its peers' merged in), health, and
 * whatever the process hangs under `/admin/`. Never to be reachable by the public.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OpsPeer } from './config.ts';
import { Fault } from './fault.ts';
import { problem, problemJson, statusOf } from './http/problems.ts';
import type { ProblemCode } from './http/problems.ts';
import type { Log } from './log.ts';
import {
  collectProcessMetrics,
  metricsContentType,
  metricsText,
  setProcessLabel,
} from './metrics.ts';
import { mergeMetrics } from './metrics-merge.ts';

const peerTimeoutMs = 500;
const bodyMaxBytes = 64 * 1024;

export type CheckStatus = 'ok' | 'degraded' | 'down';

export interface Readiness {
  readonly status: CheckStatus;
  readonly checks: Readonly<Record<string, unknown>>;
}

export interface AdminRequest {
  readonly method: string;
  /** Such as `/admin/lanes`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

export interface AdminReply {
  readonly status: number;
  readonly json: unknown;
}

export interface OpsOptions {
  readonly processName: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly peers?: readonly OpsPeer[];
  /** `down` answers 503, the others 200. */
  readonly ready: () => Readiness | Promise<Readiness>;
  /** Null = no such thing; without it all of `/admin/` is `unsupported`. */
  readonly admin?: (request: AdminRequest) => Promise<AdminReply | null>;
  readonly log: Log;
}

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Also starts Node's own metrics and labels all of them with the process. */
export async function createOps(options: OpsOptions): Promise<OpsServer> {
  setProcessLabel(options.processName);
  collectProcessMetrics();
  const server = createServer((req, res) => {
    answer(options, req, res).catch((error: unknown) => {
      options.log.error({ err: error, url: req.url }, 'ops request failed');
      if (!res.headersSent) sendProblem(res, 'internal', 'This failed, and is logged.');
      else res.destroy();
    });
  });
  const port = await listen(server, options);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: OpsOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `operators' port ${port} of ${host}: ${cause.message}`;
      reject(new Fault('listen', message, { retryable: false, cause }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function answer(
  options: OpsOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://ops');
  const path = url.pathname;
  if (path === '/admin' || path.startsWith('/admin/')) {
    await answerAdmin(options, req, res, url);
    return;
  }
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    sendProblem(res, 'method_not_allowed', 'This is for GET and HEAD.', { allow: 'GET, HEAD' });
    return;
  }
  if (path === '/metrics') {
    const own = url.searchParams.get('own') === '1';
    const text = own ? await metricsText() : await allMetrics(options);
    send(res, 200, metricsContentType, text);
    return;
  }
  if (path === '/health/live') {
    sendJson(res, 200, { status: 'ok' });
    return;
  }
  if (path === '/health/ready') {
    const readiness = await options.ready();
    sendJson(res, readiness.status === 'down' ? 503 : 200, readiness);
    return;
  }
  sendProblem(res, 'not_found', 'There is no such thing on the operators’ port.');
}

async function allMetrics({ peers = [] }: OpsOptions): Promise<string> {
  const [own, ...others] = await Promise.all([metricsText(), ...peers.map(peerMetrics)]);
  const up = peers.map(({ process }, i) => {
    return `highnoon_peer_up{process="${process}"} ${others[i] === null ? 0 : 1}`;
  });
  const peerUp = [
    '# HELP highnoon_peer_up Whether a peer’s metrics are in this answer',
    '# TYPE highnoon_peer_up gauge',
    ...up,
  ].join('\n');
  const texts = [own, ...others].filter((text) => text !== null);
  return mergeMetrics(peers.length === 0 ? texts : [...texts, peerUp]);
}

/** Null when it does not answer in time: one process that hangs must not hide the others. */
async function peerMetrics({ url }: OpsPeer): Promise<string | null> {
  try {
    const signal = AbortSignal.timeout(peerTimeoutMs);
    const response = await fetch(new URL('/metrics?own=1', url), { signal });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

async function answerAdmin(
  options: OpsOptions,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): Promise<void> {
  const text = await readBody(req);
  if (options.admin === undefined) {
    sendProblem(res, 'unsupported', '/admin/* is known, but this version does not have it.');
    return;
  }
  if (text === null) {
    sendProblem(res, 'too_large', `The body may have ${bodyMaxBytes} bytes at most.`);
    return;
  }
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    sendProblem(res, 'invalid_request', 'The body is not JSON.');
    return;
  }
  const request = {
    method: req.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    body,
  };
  const reply = await options.admin(request);
  if (reply === null) sendProblem(res, 'not_found', 'There is no such thing.');
  else sendJson(res, reply.status, reply.json);
}

async function readBody(req: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyMaxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(res: ServerResponse, status: number, json: unknown): void {
  send(res, status, 'application/json', JSON.stringify(json));
}

function sendProblem(
  res: ServerResponse,
  code: ProblemCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = problemJson(problem(code, detail), randomUUID());
  send(res, statusOf(code), 'application/problem+json', body, headers);
}

/** With its length: without one Node sends chunks, which lean clients do not read. */
function send(
  res: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, {
    ...headers,
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  res.end(text);
}
