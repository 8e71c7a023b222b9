/** The worker: every loop of docs/architecture.md, and how they wake each other. */
import type { Config } from '../platform/config.ts';
import type { KafkaPort, KafkaProducer } from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import { beforeScrape } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/db.ts';
import { untilReady, type Redis } from '../platform/redis/connection.ts';
import { startAdmitter, type AdmitterLoop } from './admitter.ts';
import { drandBeacon, nameRound } from './beacon.ts';
import { startDispatcher } from './dispatcher.ts';
import { startDrawer } from './drawer.ts';
import { showLanes } from './lane-figures.ts';
import { startImporter } from './importer.ts';
import { openLanes, scriptOf, type LaneSet } from './lane-set.ts';
import type { LaneDoor } from './lanes/gate.ts';
import { laneKeys } from './lanes/keys.ts';
import { Lease } from './lanes/lease.ts';
import { idSecretOf } from './lanes/order-key.ts';
import type { Loop } from './loop.ts';
import { startOpener } from './opener.ts';
import { startPublisher } from './publisher.ts';
import { startReaper } from './reaper.ts';
import { startReconciler } from './reconciler.ts';
import { startRelay } from './relay.ts';
import { startSettler, type SettlerOptions } from './settler.ts';
import { readSettings, type Settings } from './settings.ts';
import { configuredStores, type Stores } from './stores.ts';
import { topicSpecs, topicsOf } from './topics.ts';
import { startTrimmer } from './trimmer.ts';
import { Verifier } from './verifier.ts';

export interface Worker {
  readonly lanes: LaneSet;
  readonly db: Db;
  close(): Promise<void>;
}

interface Parts {
  readonly config: Config;
  readonly settings: Settings;
  readonly stores: Stores;
  readonly db: Db;
  readonly redis: Redis;
  readonly lanes: LaneSet;
  readonly kafka: KafkaPort;
  readonly log: Log;
}

type TopicParts = Pick<Parts, 'config' | 'settings' | 'kafka'>;

const redisWaitMs = 2000;

type Closable = Pick<Loop, 'close'>;

/** The admitter of a lane: slower while holds are late or too much is in doubt. */
function admitterOf({ config, db, redis, lanes, log }: Parts, door: LaneDoor): AdmitterLoop {
  const { shop, line, gate } = lanes;
  const lease = new Lease(redis, scriptOf('lease'), door.lane, 'admitter');
  const limits = { holdP99Ms: config.admitHoldP99Ms, inDoubtAgeMs: config.admitInDoubtMs };
  return startAdmitter({ door, gate, lease, db, shop, line, limits, log });
}

/** Loops that need Redis and Postgres only: they run with Kafka away too. */
function startStoreLoops(parts: Parts): Closable[] {
  const { settings, db, redis, lanes, log } = parts;
  const leases = scriptOf('lease');
  const { currency } = settings;
  return [
    startImporter({ db, secret: idSecretOf(settings.idSecret), currency }, log),
    startReconciler({ db, shop: lanes.shop, log }),
    ...lanes.gate.doors.map(({ lane }) =>
      startReaper({
        lane,
        redis,
        lease: new Lease(redis, leases, lane, 'reaper'),
        shop: lanes.shop,
        log,
      }),
    ),
  ];
}

function trimmerOf({ config, db, lanes, log }: Parts): Loop {
  return startTrimmer({
    db,
    gate: lanes.gate,
    script: scriptOf('trim'),
    freezeScript: scriptOf('freeze'),
    outboxKeepMs: config.outboxKeepMs,
    log,
  });
}

/** Creates what is missing of the engine's topics. */
function ensuringTopics({ config, settings, kafka }: TopicParts): () => Promise<void> {
  const specs = topicSpecs(config.topicPrefix, settings.lanes, config.kafkaReplication);
  return () => kafka.ensureTopics(specs);
}

/** Relays, one for each lane with a connection that may block, and the publisher. */
function startProducerLoops(parts: Parts, producer: KafkaProducer): Closable[] {
  const { config, settings, stores, db, redis, lanes, log } = parts;
  const leases = scriptOf('lease');
  const { topicPrefix, relayPauseMs } = config;
  const ensureTopics = ensuringTopics(parts);
  const relays = lanes.gate.doors.map(({ lane }): Closable => {
    const blocking = stores.redis(`relay-${lane}`, 5000);
    const relay = startRelay({
      lane,
      keys: laneKeys(lane),
      deployment: settings.deployment,
      redis: blocking,
      lease: new Lease(redis, leases, lane, 'relay'),
      db,
      producer,
      topic: topicsOf(topicPrefix).orders,
      pauseMs: relayPauseMs,
      log,
      ensureTopic: ensureTopics,
    });
    return {
      async close() {
        await relay.close();
        blocking.disconnect();
      },
    };
  });
  return [...relays, startPublisher({ db, producer, topicPrefix, log, ensureTopics })];
}

/** What consumers tell the rest of the worker. */
type Told = Pick<SettlerOptions, 'onCommands' | 'onSettled' | 'onBell' | 'onLine' | 'onCrash'>;

/** The settler and the opener's subscription. */
async function startConsumers(
  parts: Parts,
  producer: KafkaProducer,
  told: Told,
): Promise<Closable[]> {
  const { config, settings, db, redis, lanes, kafka, log } = parts;
  const topics = topicsOf(config.topicPrefix);
  const settler = await startSettler({
    kafka,
    db,
    redis,
    republishScript: scriptOf('republish'),
    topic: topics.orders,
    groupId: topics.settlerGroup,
    lanes: settings.lanes,
    deployment: settings.deployment,
    log,
    ...told,
  });
  const opener = await startOpener({
    kafka,
    producer,
    db,
    shop: lanes.shop,
    secret: idSecretOf(settings.idSecret),
    lanes: settings.lanes,
    currency: settings.currency,
    lineMax: config.lineMax,
    nameRound: config.beaconUrl === '' ? undefined : nameRound,
    topic: topics.newProduct,
    groupId: topics.openerGroup,
    log,
    ...told,
  });
  return [settler, opener];
}

/** Starts every loop. `onCrash`: a consumer died for good, so the process must exit. */
export async function startWorker(
  config: Config,
  log: Log,
  onCrash: (error: Error) => void,
  stores = configuredStores(config, log),
): Promise<Worker> {
  const db = stores.postgres('highnoon-worker', 12);
  const settings = await readSettings(db);
  const kafka = stores.kafka();
  const topic = topicsOf(config.topicPrefix).orders;
  const redis = stores.redis('worker', 2000);
  // With Redis away the loops start all the same, and say so.
  await untilReady(redis, redisWaitMs).catch(() => undefined);
  const verifier = new Verifier({
    db,
    redis,
    kafka,
    topic,
    deployment: settings.deployment,
    ensureTopic: ensuringTopics({ config, settings, kafka }),
    script: scriptOf('verify'),
    freezeScript: scriptOf('freeze'),
    log,
  });
  const verify = (lane: number, runId: string): string => verifier.verify(lane, runId);
  const lanes = openLanes(config, settings, db, log, verify, stores);
  const parts: Parts = { config, settings, stores, db, redis, lanes, kafka, log };
  beforeScrape('lanes', () => showLanes(lanes.gate));
  const dispatcher = startDispatcher(lanes.caller, db, settings.lanes, log);
  const trimmer = trimmerOf(parts);
  const wakeDispatcher = (woken: readonly number[]): void => {
    dispatcher.wakeFor(woken);
  };
  const drawer = startDrawer({
    ...{ db, shop: lanes.shop, log, onCommands: wakeDispatcher },
    ...(config.beaconUrl === '' ? {} : { beacon: drandBeacon(config.beaconUrl) }),
  });
  const admitters = lanes.gate.doors.map((door) => admitterOf(parts, door));
  const running = [dispatcher, trimmer, drawer, ...admitters, ...startStoreLoops(parts)];
  const producer = await kafka.producer();
  running.push(...startProducerLoops(parts, producer));
  const told: Told = {
    onCommands: wakeDispatcher,
    onSettled: () => {
      trimmer.wake();
    },
    onBell: () => {
      drawer.wake();
    },
    onLine: (lane) => {
      admitters[lane]?.stir();
    },
    onCrash,
  };
  running.push(...(await startConsumers(parts, producer, told)));
  return {
    lanes,
    db,
    async close() {
      verifier.close();
      await Promise.allSettled(running.map((loop) => loop.close()));
      await Promise.allSettled([producer.close(), kafka.close()]);
      await lanes.close();
      redis.disconnect();
      await db.close();
    },
  };
}
