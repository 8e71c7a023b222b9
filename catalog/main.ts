/**
 * The role `catalog`: the shop window and the intake of products. It answers as soon as it
 * listens, and keeps answering from memory while the stores are away.
 */
import { loadConfig, processNameOf } from '../platform/config.ts';
import { armCrash } from '../platform/crash.ts';
import { createHttpServer } from '../platform/http/server.ts';
import { standardRoutes } from '../platform/http/standard.ts';
import { pageRoutes } from '../platform/http/static.ts';
import { createKafka } from '../platform/kafka/index.ts';
import { runRole } from '../platform/lifecycle.ts';
import type { Role } from '../platform/lifecycle.ts';
import { createLog } from '../platform/log.ts';
import type { Log } from '../platform/log.ts';
import { collectProcessMetrics, setProcessLabel } from '../platform/metrics.ts';
import { createOps } from '../platform/ops.ts';
import { createDb } from '../platform/postgres/pool.ts';
import type { Db } from '../platform/postgres/pool.ts';
import { loadPlaces } from './delivery/places.ts';
import { startCatchingUp } from './catch-up.ts';
import { startForgettingGuests } from './guests.ts';
import { createIdentities } from './identity.ts';
import { forgetChanged } from './changed.ts';
import { startIntake } from './intake.ts';
import { createOffers } from './offers.ts';
import { createPages } from './products.ts';
import { watch } from './readiness.ts';
import { windowInfo, windowRoutes } from './routes.ts';
import { createSavedPlaces } from './saved-place.ts';
import { createAnswers } from './search/routes.ts';
import { startUpkeep } from './search/upkeep.ts';
import { watchWishes } from './wishlist-watch.ts';

const role = 'catalog';
const name = processNameOf(role);
const pageConnectionsMax = 8;
const shopperConnectionsMax = 6;
const pageStatementTimeoutMs = 3000;
const connectTimeoutMs = 1000;
const searchConnectionsMax = 8;
/** A search that takes longer is given up: it would hold up the others. */
const searchStatementTimeoutMs = 1500;
const intakeConnectionsMax = 2;
const intakeStatementTimeoutMs = 30_000;
const drainMs = 3000;

async function start(): Promise<Role> {
  const config = loadConfig(undefined, ['DATABASE_URL', 'KAFKA_BROKERS']);
  armCrash(config.crashAt);
  const log = createLog(name, config.logLevel);
  setProcessLabel(name);
  collectProcessMetrics();
  const dbs = openDatabases(config.databaseUrl, log);
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'highnoon-catalog', log });
  const pages = createPages(dbs.pages, log);
  const offers = createOffers(dbs.shoppers);
  const intake = startIntake({
    kafka,
    db: dbs.intake,
    topics: ['new-product', 'catalog-changes'].map((topic) => config.topicPrefix + topic),
    groupId: `${config.topicPrefix}highnoon-intake`,
    log,
  });
  const health = watch(dbs.intake, () => intake.state);
  const ready = () => health.ready();
  const { tokenIssuer: issuer, tokenAudience: audience } = config;
  const identities = createIdentities(dbs.pages, { issuer, audience });
  const wishes = watchWishes(dbs.intake, offers, log);
  const guests = startForgettingGuests(dbs.intake, log);
  const upkeep = startUpkeep(dbs.intake, log);
  const catchingUp = startCatchingUp(dbs.intake, log);
  const places = loadPlaces();
  const saved = createSavedPlaces(identities, dbs.shoppers);
  const answers = createAnswers({ db: dbs.search });
  const memories = { byId: [pages, offers], ofMany: [answers] };
  const changes = forgetChanged(config.databaseUrl, memories, log);
  const routes = windowRoutes({
    pages,
    search: { db: dbs.search, places, savedPlace: saved.read, answers },
    addressSaved: saved.put,
    ready,
    db: dbs.shoppers,
    offers,
    currency: config.currency,
    shopperOfToken: identities.shopperOfToken,
  });
  const http = await createHttpServer({
    name,
    host: config.host,
    port: config.catalogPort,
    routes: [...routes, ...standardRoutes(routes, windowInfo, 'window'), ...pageRoutes('window')],
    authenticate: identities.authenticate,
    log,
    rateLimits: config.rateLimits,
  });
  const { host, opsPort } = config;
  const ops = await createOps({ processName: name, host, port: opsPort, ready, log });
  log.info({ port: http.port, ops: ops.port }, 'the window is open');
  return {
    async close() {
      await http.close(drainMs);
      await health.close();
      await Promise.all(
        [wishes, guests, intake, upkeep, catchingUp, changes].map((loop) => loop.close()),
      );
      await kafka.close();
      await Promise.all([ops.close(), ...Object.values(dbs).map((db) => db.close())]);
    },
  };
}

/** A pool for each kind of work, so that none waits behind another. */
function openDatabases(url: string, log: Log) {
  const open = (what: string, max: number, statementTimeoutMs: number): Db =>
    createDb(url, { max, statementTimeoutMs, connectTimeoutMs, name: `highnoon-${what}`, log });
  return {
    pages: open('catalog', pageConnectionsMax, pageStatementTimeoutMs),
    shoppers: open('catalog-shoppers', shopperConnectionsMax, pageStatementTimeoutMs),
    search: open('catalog-search', searchConnectionsMax, searchStatementTimeoutMs),
    intake: open('catalog-intake', intakeConnectionsMax, intakeStatementTimeoutMs),
  };
}

runRole(role, start);
