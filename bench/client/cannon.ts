/** The same load by autocannon, which everybody can check; it takes more CPU than the server. */
import autocannon from 'autocannon';
import { Histogram } from './histogram.ts';
import { SpoiltRun } from './load.ts';
import type { LoadResult, Next } from './load.ts';

export interface Cannon {
  readonly url: string;
  readonly connections: number;
  readonly next: Next;
  readonly status: number;
}

interface Parts {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const connectionHeaders = new Set(['host', 'content-length']);

/** A request's text as autocannon wants it; it adds host and length itself. */
export function partsOf(text: string): Parts {
  const headEnd = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (!connectionHeaders.has(name)) headers[name] = line.slice(colon + 1).trim();
  }
  return { path: first.split(' ')[1] ?? '', headers, body: text.slice(headEnd + 4) };
}

/** Exactly `amount` requests, all of them answered. Throws a SpoiltRun. */
export async function cannonade(cannon: Cannon, amount: number): Promise<LoadResult> {
  const latency = new Histogram();
  const from = performance.now();
  let last = from;
  let wrong = 0;
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    const text = cannon.next();
    if (text === null) throw new SpoiltRun('there are too few shoppers');
    return { ...request, ...partsOf(text) };
  };
  const { errors, timeouts } = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(
      {
        url: cannon.url,
        connections: cannon.connections,
        amount,
        requests: [{ method: 'POST', path: '/', setupRequest }],
      },
      (error: unknown, result) => {
        if (error === null || error === undefined) resolve(result);
        else reject(new Error('autocannon failed', { cause: error }));
      },
    );
    running.on('response', (_client, status, _bytes, milliseconds) => {
      last = performance.now();
      if (status === cannon.status) latency.add(milliseconds);
      else wrong++;
    });
  });
  if (wrong + errors + timeouts > 0) {
    throw new SpoiltRun(`autocannon: ${wrong} other answers, ${errors} errors, ${timeouts} late`);
  }
  return { answers: latency.count, seconds: (last - from) / 1000, latency };
}
