/** The api's real server over a fake engine, on a free port of loopback. */
import { createApiServer } from '../../../api/server.ts';
import type { ApiSettings } from '../../../api/server.ts';
import { contractRoutes } from '../../../api/routes.ts';
import { catalogClient } from '../../../api/catalog-client.ts';
import type { Api } from '../../../api/api.ts';
import { LineDesk } from '../../../api/line-desk.ts';
import { TokenMemory } from '../../../api/token-memory.ts';
import { tokenIssuer } from '../../../api/tokens.ts';
import type { HealthWatch } from '../../../api/readiness.ts';
import { healthOf } from '../../../api/readiness.ts';
import type { Route } from '../../../platform/http/route.ts';
import { createLog } from '../../../platform/log.ts';
import { fakeEngine, noon, tokenSecret, vendorKey } from './fake-engine.ts';
import type { FakeEngine } from './fake-engine.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Asked {
  readonly as?: 'ann' | 'guest' | 'vendor' | 'nobody' | { readonly authorization: string };
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface Harness extends FakeEngine {
  readonly url: string;
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
  close(): Promise<void>;
}

const rules = { secret: tokenSecret, issuer: 'highnoon', audience: 'highnoon' };
export const issue = tokenIssuer(rules);

/** The clock of the server under test: a second after the bell. */
export const serverNow = noon + 1000;

export const tokens = {
  ann: issue('ann', false, serverNow).token,
  bob: issue('bob', false, serverNow).token,
  guest: issue('gst_1', true, serverNow).token,
};

const allWell = {
  postgres: 'ok',
  redis: 'ok',
  kafka: 'ok',
  worker: 'ok',
  catalog: 'ok',
} as const;

export async function startHarness(
  settings: Partial<ApiSettings> = {},
  catalogUrl = 'http://127.0.0.1:9',
  now = (): number => serverNow,
): Promise<Harness> {
  const fake = fakeEngine();
  const catalog = catalogClient(catalogUrl);
  const watch: HealthWatch = {
    health: () => healthOf(allWell, true, fake.engine.lanesNotReady()),
    look: () => Promise.resolve(),
    close: () => undefined,
  };
  const server = await createApiServer({
    settings: {
      host: '127.0.0.1',
      port: 0,
      nodeEnv: 'test',
      holdSecondsDefault: 300,
      rateLimits: 'off',
      allowedOrigins: ['https://shop.example'],
      tokenIssuer: rules.issuer,
      tokenAudience: rules.audience,
      ...settings,
    },
    engine: fake.engine,
    catalog,
    watch,
    log: createLog('test', 'silent'),
    now,
  });
  const url = `http://127.0.0.1:${server.port}`;
  return Object.assign(fake, {
    url,
    ask: (method: string, path: string, asked: Asked = {}) => ask(url, method, path, asked),
    close: async () => {
      await server.close(100);
      catalog.close();
    },
  });
}

async function ask(url: string, method: string, path: string, asked: Asked): Promise<Answer> {
  const { as = 'nobody', key, body } = asked;
  const headers = new Headers(asked.headers);
  if (typeof as === 'object') headers.set('authorization', as.authorization);
  else if (as === 'vendor') headers.set('authorization', `Bearer ${vendorKey}`);
  else if (as !== 'nobody') headers.set('authorization', `Bearer ${tokens[as]}`);
  if (key !== undefined) headers.set('idempotency-key', key);
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
  }
  const response = await fetch(url + path, init);
  const text = await response.text();
  let json: Answer['json'] = {};
  try {
    json = JSON.parse(text) as Answer['json'];
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** The table itself, for checks of answers against it. */
export function routeTable(): Route[] {
  const api: Api = {
    engine: fakeEngine().engine,
    currency: 'USD',
    development: true,
    holdSecondsDefault: 300,
    issue,
    memory: new TokenMemory(),
    now: () => serverNow,
  };
  const catalog = catalogClient('http://127.0.0.1:9');
  return contractRoutes({
    api,
    catalog,
    desk: new LineDesk(api, catalog),
    watch: {
      health: () => healthOf(allWell, true, []),
      look: () => Promise.resolve(),
      close: () => undefined,
    },
  });
}
