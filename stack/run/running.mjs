/**
 * A running stack, from the claim on its folder to the end of its last process.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { tryLock } from '../base/lock.mjs';
import { isRoot, outsideDir, root } from '../base/paths.mjs';
import { createSteps } from '../base/steps.mjs';
import { roleNames } from '../env.mjs';
import { Crew } from './crew.mjs';
import { planPorts } from './plan.mjs';
import { endLeftovers, runningStack, StackRecord } from './record.mjs';
import { isBuilt, setupMain, stackEnv } from './roles.mjs';
import { startStores, storeNames } from './stores.mjs';

/** @typedef {import('../stack.mjs').StackOptions} StackOptions */

/** A second start where one runs already. */
export class AlreadyRunning extends StackError {
  /** @param {number} pid @param {import('./record.mjs').StackFile | null} running null: not ready */
  constructor(pid, running) {
    super(`Highnoon ${running ? 'runs' : 'is being started'} here already, by process ${pid}.`);
    this.running = running;
  }
}

export class Stack {
  /** Addresses of what runs, null for what does not. @type {import('./roles.mjs').Urls} */
  urls = { api: null, catalog: null, ops: null, redis: null, database: null, kafka: null };
  /** @type {StackRecord | null} */
  #record = null;
  /** @type {(() => void) | null} */
  #release = null;
  /** @type {Promise<void> | null} */
  #stopping = null;

  /**
   * @param {StackOptions & { env: NodeJS.ProcessEnv, dir: string, keep: boolean }} options
   * @param {import('../env.mjs').Settings} settings
   */
  constructor(options, settings) {
    this.options = options;
    this.settings = settings;
    this.dir = options.dir;
    this.steps = createSteps(options.log ?? (() => {}));
    this.crew = new Crew({ dir: this.dir, say: this.steps.say, changed: () => this.#changed() });
  }

  async start() {
    const { dir, options, settings, steps, crew } = this;
    this.#claim();
    const left = await endLeftovers(dir);
    if (left.length > 0) steps.say(`  … ended what a killed start had left: ${left.join(', ')}`);
    const wanted = options.roles ?? settings.roles;
    const plan = await planPorts(settings, options.ports ?? 'free', wanted);
    this.#record = new StackRecord(dir, options.keep ? [] : [dir, outsideDir(dir)]);
    const { maxConnections = 60, postgresLow = true, kafkaAdvertised } = options;
    const asked = { maxConnections, postgresLow, kafkaAdvertised };
    const launch = crew.launch.bind(crew);
    const logFile = crew.logFile.bind(crew);
    const context = { settings, plan, dir, logFile, ...asked, say: steps.say, launch };
    // Packages and stores have nothing to do with each other, and are mostly downloads.
    const [stores] = await Promise.all([
      startStores(options.stores ?? storeNames, context, steps),
      options.before?.(steps),
    ]);
    this.urls.redis = stores['redis'] ?? settings.redisUrl;
    this.urls.database = stores['postgres'] ?? settings.databaseUrl;
    this.urls.kafka = stores['kafka'] ?? (settings.kafkaBrokers.join(',') || null);
    const roles = wanted.filter((role) => isBuilt(role));
    const missing = wanted.filter((role) => !isBuilt(role));
    if (missing.length > 0) steps.say(`  … not built yet, left out: ${missing.join(', ')}`);
    if (roles.includes('api')) this.urls.api = `http://${plan.reach}:${plan.api}`;
    if (roles.includes('api')) this.urls.ops = `http://${plan.reach}:${plan.ops}`;
    if (roles.includes('catalog')) this.urls.catalog = `http://${plan.reach}:${plan.catalog}`;
    crew.equip({ plan, roleEnv: () => this.env, strict: roles.length === roleNames.length });
    if (options.setup ?? roles.length > 0) await this.setup();
    await this.#startRoles(roles);
    this.#publish();
  }

  /** One stack per folder. */
  #claim() {
    mkdirSync(join(this.dir, 'logs'), { recursive: true });
    const { release, holder } = tryLock(join(this.dir, 'start.lock'));
    if (!release) throw new AlreadyRunning(holder.pid, runningStack(this.dir));
    this.#release = release;
  }

  /** Migrates, creates topics, formats the lanes; changes nothing when that was done. */
  async setup() {
    const main = join(root, setupMain);
    if (!existsSync(main)) return;
    await this.steps.step('Tables, topics, lanes', () =>
      run(process.execPath, [main], { cwd: root, env: this.env }),
    );
  }

  /** @param {string[]} roles */
  async #startRoles(roles) {
    if (roles.length === 0) return;
    await this.steps.step(`Roles ${roles.join(', ')}`, () => this.crew.startRoles(roles));
  }

  /** What a program that uses this stack finds in its environment. @returns {NodeJS.ProcessEnv} */
  get env() {
    return stackEnv(this.options.env, this.urls, {
      HIGHNOON_DIR: this.dir,
      ...this.crew.portEnv(),
    });
  }

  /** @returns {{ name: string, pid: number }[]} */
  processes() {
    return this.crew.charges().map(({ name, pid }) => ({ name, pid }));
  }

  /**
   * One more process of a role, on free ports, with more environment; supervised like the others.
   * @param {string} role @param {NodeJS.ProcessEnv} [extraEnv]
   */
  spawnRole(role, extraEnv = {}) {
    return this.crew.spawnRole(role, extraEnv);
  }

  /** @param {string} name @returns {number | null} null while it is down */
  pid(name) {
    return this.crew.get(name).identity?.pid ?? null;
  }

  /** Signals a process; one that dies is started again. @param {string} name */
  kill(name, /** @type {NodeJS.Signals} */ by = 'SIGKILL') {
    this.crew.get(name).kill(by);
  }

  /** Ends a process and keeps it down until `resume`. @param {string} name */
  async halt(name) {
    await this.crew.get(name).halt();
  }

  /** Starts a halted process and waits until it is ready. @param {string} name */
  async resume(name) {
    const child = this.crew.get(name);
    if (child.state === 'halted') child.start();
    await this.crew.whenReady(child);
  }

  /** @param {string} name */
  async restart(name) {
    await this.halt(name);
    await this.resume(name);
  }

  /**
   * Starts a process anew with changed environment; does not wait, because it may be told to die.
   * @param {string} name @param {NodeJS.ProcessEnv} env
   */
  async restartWith(name, env) {
    const child = this.crew.get(name);
    await child.halt();
    Object.assign(child.spec.env, env);
    child.start();
  }

  /** How often a process has died by itself. @param {string} name */
  deaths(name) {
    return this.crew.get(name).deaths;
  }

  /** Waits until a process serves (again). @param {string} name */
  async whenReady(name) {
    await this.crew.whenReady(this.crew.get(name));
  }

  /** Another process that must not outlive this one. @param {import('../base/proc.mjs').Identity} id */
  alsoEnd(id) {
    this.crew.guests.push(id);
    this.#changed();
  }

  #changed() {
    this.#record?.update(this.crew.charges());
  }

  #publish() {
    const { api, catalog, ops, redis, database, kafka } = this.urls;
    this.#record?.publish({
      api_url: api ?? null,
      catalog_url: catalog ?? null,
      ops_url: ops ?? null,
      redis_url: redis ?? null,
      database_url: database ?? null,
      kafka_brokers: kafka ?? null,
    });
  }

  /** Ends everything in order; safe to call again. @returns {Promise<void>} */
  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop() {
    this.#record?.withdraw();
    await this.crew.stop();
    this.#record?.close();
    if (!this.options.keep && this.#release) {
      rmSync(this.dir, { recursive: true, force: true });
      if (isRoot()) rmSync(outsideDir(this.dir), { recursive: true, force: true });
    }
    this.#release?.();
  }
}
