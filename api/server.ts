/** The public server of the api, from an engine and what stands around it. */
import { createHttpServer } from '../platform/http/server.ts';
import type { HttpServer } from '../platform/http/server.ts';
import { missingPage } from '../platform/http/static.ts';
import type { Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { tokenVerifier } from '../platform/tokens.ts';
import type { Engine, Millis } from '../engine/index.ts';
import type { Api } from './api.ts';
import { authenticator, identifier } from './auth.ts';
import type { CatalogClient } from './catalog-client.ts';
import { LineDesk } from './line-desk.ts';
import type { HealthWatch } from './readiness.ts';
import { apiRoutes } from './routes.ts';
import { createSocket } from './socket/route.ts';
import { TokenMemory } from './token-memory.ts';
import { tokenIssuer } from './tokens.ts';

export type ApiSettings = Pick<
  Config,
  | 'host'
  | 'port'
  | 'nodeEnv'
  | 'holdSecondsDefault'
  | 'rateLimits'
  | 'allowedOrigins'
  | 'tokenIssuer'
  | 'tokenAudience'
>;

export interface ApiServerOptions {
  readonly settings: ApiSettings;
  readonly engine: Engine;
  readonly catalog: CatalogClient;
  readonly watch: HealthWatch;
  readonly log: Log;
  readonly now?: () => Millis;
}

/** Listens. Rejects when the port is taken. */
export function createApiServer(options: ApiServerOptions): Promise<HttpServer> {
  const { settings, engine, catalog, watch, log } = options;
  const now = options.now ?? Date.now;
  const rules = {
    secret: engine.tokenSecret,
    issuer: settings.tokenIssuer,
    audience: settings.tokenAudience,
  };
  const memory = new TokenMemory();
  const api: Api = {
    engine,
    currency: engine.currency,
    development: settings.nodeEnv !== 'production',
    holdSecondsDefault: settings.holdSecondsDefault,
    issue: tokenIssuer(rules),
    memory,
    now,
  };
  const desk = new LineDesk(api, catalog);
  const callers = {
    verify: tokenVerifier(rules),
    vendorOfKey: (key: string) => engine.vendorOfKey(key),
    memory,
    now,
  };
  return createHttpServer({
    name: 'api',
    host: settings.host,
    port: settings.port,
    routes: apiRoutes({ api, catalog, desk, watch }),
    missingPage: missingPage(),
    authenticate: authenticator(callers),
    socket: createSocket({
      api,
      catalog,
      desk,
      log,
      identify: identifier(callers),
      allowedOrigins: settings.allowedOrigins,
      rateLimits: settings.rateLimits,
    }),
    log,
    rateLimits: settings.rateLimits,
  });
}
