/**
 * The simulated processes: workers with every loop of theirs, apis, and the operator's recovery, each
 * started by the production's own start over the simulated stores. They die, stand still and are
 * started again.
 */
import { createEngine } from '../../engine/create.ts';
import type { Engine } from '../../engine/engine.ts';
import { scriptOf } from '../../engine/lane-set.ts';
import { recoverLane, type Recovered } from '../../engine/recover.ts';
import { readSettings } from '../../engine/settings.ts';
import type { Stores } from '../../engine/stores.ts';
import { topicsOf, topicSpecs } from '../../engine/topics.ts';
import { startWorker } from '../../engine/worker.ts';
import type { Config } from '../../platform/config.ts';
import { untilReady } from '../../platform/redis/connection.ts';
import { silent } from '../support/environment.ts';
import type { Faults } from './faults.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { SimKafka } from './stores/kafka.ts';
import type { SimPostgres } from './stores/postgres.ts';
import type { SimRedis } from './stores/redis.ts';

export interface SimStores {
  readonly redis: SimRedis;
  readonly postgres: SimPostgres;
  readonly kafka: SimKafka;
}

/** What a recovery has stated of its lane, all before it included: nobody tells it that they were heard. */
export interface Stated extends Pick<Recovered, 'lane' | 'found' | 'lostAtLeast'> {
  /** When it began and was done, virtual ms. */
  readonly from: number;
  readonly to: number;
}

const restartMs = 1500;
const startRetryMs = 300;
const askTimeoutMs = 3000;

export class Crew {
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  readonly #stores: SimStores;
  readonly #config: Config;
  readonly actors: Actor[] = [];
  /** When workers died, virtual ms since 1970. */
  readonly deaths: number[] = [];
  /** What recoveries have stated, in the order in which they were done. */
  readonly stated: Stated[] = [];
  readonly #engines = new Map<Actor, Engine>();
  #born = 0;

  constructor(scheduler: Scheduler, faults: Faults, stores: SimStores, config: Config) {
    this.#scheduler = scheduler;
    this.#faults = faults;
    this.#stores = stores;
    this.#config = config;
    this.#faults.kill = (actor) => this.kill(actor);
  }

  /**
   * Asks an api, any that is up; null = no answer came. The question and the answer travel, so either
   * may be lost with the api or for its own.
   */
  ask<T>(run: (engine: Engine) => Promise<T>): Promise<T | null> {
    const scheduler = this.#scheduler;
    const { world } = scheduler;
    return new Promise((resolve) => {
      let isGivenUp = false;
      const giveUp = scheduler.after(
        askTimeoutMs,
        () => {
          isGivenUp = true;
          resolve(null);
        },
        world,
      );
      const answered = (value: T | null) =>
        scheduler.after(
          scheduler.delay(1),
          () => {
            giveUp.close();
            resolve(value);
          },
          world,
        );
      if (this.#engines.size === 0) return;
      const [actor, engine] = scheduler.rng.pick([...this.#engines]);
      const arrive = (): void => {
        if (isGivenUp) this.#faults.count('a stopped api did it too late');
        run(engine).then(answered, () => answered(null));
      };
      scheduler.after(scheduler.delay(1), arrive, actor);
    });
  }

  #actor(name: string): Actor {
    const actor: Actor = { name: `${name}.${++this.#born}`, alive: true, stoppedUntil: 0 };
    this.actors.push(actor);
    return actor;
  }

  #storesOf(actor: Actor): Stores {
    const { redis, postgres, kafka } = this.#stores;
    return {
      redis: (name, timeoutMs) => redis.connect(actor, name, timeoutMs),
      postgres: () => postgres.db(),
      kafka: () => kafka.port(actor),
    };
  }

  /** Starts a process, and again whenever it has ended. */
  worker(name: string): void {
    const actor = this.#actor(name);
    this.#begin(actor, async () => {
      const onCrash = (): void => this.kill(actor);
      await startWorker(this.#config, silent, onCrash, this.#storesOf(actor));
    });
  }

  api(name: string): void {
    const actor = this.#actor(name);
    this.#begin(actor, async () => {
      const engine = await createEngine(this.#config, silent, this.#storesOf(actor));
      this.#engines.set(actor, engine);
    });
  }

  #begin(actor: Actor, start: () => Promise<void>): void {
    const attempt = (): void => {
      start().catch((error: unknown) => {
        this.#scheduler.note(`no start: ${String(error)}`);
        this.#scheduler.after(startRetryMs, attempt);
      });
    };
    this.#scheduler.after(this.#scheduler.rng.next() * 100, attempt, actor);
  }

  kill(actor: Actor): void {
    if (!actor.alive || actor === this.#scheduler.world) return;
    const { postgres, redis } = this.#stores;
    const { world } = this.#scheduler;
    actor.alive = false;
    this.#faults.count('killed');
    this.#scheduler.note(`${actor.name} dies`);
    this.#engines.delete(actor);
    this.actors.splice(this.actors.indexOf(actor), 1);
    for (const one of redis.connections) if (one.actor === actor) redis.connections.delete(one);
    this.#scheduler.after(0, () => postgres.leave((holder) => holder.actor === actor), world);
    const [name = ''] = actor.name.split('.');
    const again = this.#scheduler.rng.next() * restartMs;
    if (name.startsWith('worker')) this.deaths.push(this.#scheduler.wall);
    if (name.startsWith('worker')) this.#scheduler.after(again, () => this.worker(name), world);
    if (name.startsWith('api')) this.#scheduler.after(again, () => this.api(name), world);
  }

  /** Stands still, and goes on as if nothing had been. */
  stop(actor: Actor, ms: number): void {
    actor.stoppedUntil = this.#scheduler.now + ms;
    this.#faults.count('stopped');
  }

  /** The operator's command for one lane; `stated` has what it says, unless it fails. */
  recover(lane: number): void {
    const actor = this.#actor(`recover${lane}`);
    const { world } = this.#scheduler;
    const config = this.#config;
    const stores = this.#storesOf(actor);
    const from = this.#scheduler.now;
    const end = (recovered: Recovered | null): void => {
      actor.alive = false;
      this.#scheduler.after(0, () => this.#hear(recovered, from), world);
    };
    const run = async (): Promise<void> => {
      const db = stores.postgres('recover', 4);
      const redis = stores.redis('recover', 60_000);
      await untilReady(redis, 10_000);
      const settings = await readSettings(db);
      const kafka = stores.kafka();
      const options = {
        ...{ db, redis, kafka, producer: await kafka.producer(), settings },
        script: scriptOf('rebuild'),
        topic: topicsOf(config.topicPrefix).orders,
        topics: topicSpecs(config.topicPrefix, settings.lanes, config.kafkaReplication),
        onStep: () => undefined,
        onProgress: () => undefined,
      };
      end(await recoverLane(options, lane));
    };
    this.#scheduler.after(
      50,
      () => {
        run().catch((error: unknown) => {
          this.#scheduler.note(`recover: ${String(error)}`);
          end(null);
        });
      },
      actor,
    );
  }

  #hear(recovered: Recovered | null, from: number): void {
    if (recovered === null) return;
    const { lane, found, lostAtLeast } = recovered;
    this.#faults.count(`recovered ${found}`);
    this.stated.push({ lane, found, lostAtLeast, from, to: this.#scheduler.now });
  }
}
