// When an answer is written: at once while the server calls its own exchange, else behind the
// callbacks of the others, and never for a client that has gone meanwhile.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createLog } from '../../../platform/log.ts';
import { bindRoute } from '../../../platform/http/bound.ts';
import { Exchange } from '../../../platform/http/exchange.ts';
import type { RawResponse, Surroundings } from '../../../platform/http/answer.ts';
import type { Ctx } from '../../../platform/http/route.ts';
import { Validators } from '../../../platform/http/validate.ts';
import { route } from './http-fixture.ts';

/** As the server's: says what was written, and whether outside of a cork. */
class Response implements RawResponse {
  readonly bodies: string[] = [];
  corks = 0;
  gone = false;
  /** As the server has it while it calls the exchange. */
  corked = false;

  cork(write: () => void): void {
    this.#touch();
    this.corks += 1;
    this.corked = true;
    write();
    this.corked = false;
  }
  writeStatus(): void {
    this.#inCork();
  }
  writeHeader(): void {
    this.#inCork();
  }
  end(body: string | Uint8Array): void {
    this.#inCork();
    this.bodies.push(String(body));
  }
  endWithoutBody(): void {
    this.#inCork();
  }
  write(): boolean {
    throw new Error('not in pieces');
  }
  onWritable(): void {
    throw new Error('not in pieces');
  }
  close(): void {
    throw new Error('not closed');
  }
  getRemoteAddressAsText(): ArrayBuffer {
    return new ArrayBuffer(0);
  }
  #touch(): void {
    if (this.gone) throw new Error('touched after the client had gone');
  }
  #inCork(): void {
    this.#touch();
    if (!this.corked) throw new Error('written outside of a cork');
  }
}

const request = {
  getHeader: () => '',
  getParameter: () => undefined,
  getQuery: () => undefined,
  getUrl: () => '/',
  forEach: () => undefined,
};

function exchanges() {
  const around: Surroundings = {
    log: createLog('test', 'fatal'),
    authenticate: () => Promise.reject(new Error('public')),
    limit: () => 0,
    nextRequestId: () => 'r',
    stoodStill: () => false,
    draining: false,
    inFlight: 0,
  };
  const validators = new Validators();
  const asked = (id: string, handle: (ctx: Ctx) => void) => {
    const bound = bindRoute(route({ id, path: `/${id}`, handle }), validators);
    const response = new Response();
    const exchange = new Exchange(bound, around, response, false);
    response.corked = true;
    exchange.copy(request);
    exchange.proceed();
    response.corked = false;
    return { exchange, response };
  };
  return { around, asked };
}

it('leaves at once from within its own call', () => {
  const { around, asked } = exchanges();
  const { response } = asked('own', (ctx) => ctx.reply(200, { own: true }));
  expect(response).toMatchObject({ bodies: ['{"own":true}'], corks: 0 });
  expect(around.inFlight).toBe(0);
});

it('leaves behind the call of another, whole', async () => {
  const { around, asked } = exchanges();
  let waiting: Ctx | null = null;
  const first = asked('first', (ctx) => {
    waiting = ctx;
  });
  const second = asked('second', (ctx) => {
    waiting?.reply(201, { first: true });
    ctx.reply(200, { second: true });
  });
  expect(first.response.bodies).toEqual([]);
  expect(second.response.bodies).toEqual(['{"second":true}']);
  expect(around.inFlight).toBe(1);
  await turn();
  expect(first.response).toMatchObject({ bodies: ['{"first":true}'], corks: 1 });
  expect(around.inFlight).toBe(0);
});

it('is not written to who has gone meanwhile', async () => {
  const { around, asked } = exchanges();
  const { exchange, response } = asked('late', (ctx) => {
    queueMicrotask(() => ctx.reply(200, { late: true }));
  });
  await Promise.resolve();
  expect(around.inFlight).toBe(1);
  response.gone = true;
  exchange.onAborted();
  await turn();
  expect(response).toMatchObject({ bodies: [], corks: 0 });
  expect(around.inFlight).toBe(0);
});
