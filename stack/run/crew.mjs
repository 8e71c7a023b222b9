/**
 * The processes of one stack: started, watched until they are ready, listed, and ended in order:
 * what uses the stores first, then Kafka, Redis, Postgres.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tail } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { freePorts } from '../base/ports.mjs';
import { until } from '../base/probe.mjs';
import { isBuilt, opsPortOf, roleSpec } from './roles.mjs';
import { storeNames } from './stores.mjs';
import { Supervised } from './supervised.mjs';

const readyMs = 120_000;
const deathsMax = 3;
const tailLines = 15;

/** @typedef {import('./supervised.mjs').ProcessSpec & { waitingFor?: () => string, warning?: () => string }} Spec */
/** @typedef {import('./plan.mjs').Plan} Plan */

/**
 * What roles need to be started.
 * @typedef {object} Equipment
 * @property {Plan} plan
 * @property {() => NodeJS.ProcessEnv} roleEnv
 * @property {boolean} strict ready only when every check is ok
 */

/**
 * @typedef {object} RoleHandle
 * @property {string} name by which the stack knows it: `api-2`
 * @property {string} url of the public port; a worker's is its operators' port
 * @property {string} opsUrl
 */

export class Crew {
  /** @type {Map<string, Supervised>} */
  #members = new Map();
  /** Processes that others started and that must end with us. @type {import('../base/proc.mjs').Identity[]} */
  guests = [];
  #stopping = false;
  /** @type {Equipment | null} */
  #equipment = null;
  /** Whom every api asks: OPS_PEERS. */
  #peers = '';

  /** @param {{ dir: string, say: (line: string) => void, changed: () => void }} owner */
  constructor(owner) {
    this.owner = owner;
  }

  /** @param {Equipment} equipment */
  equip(equipment) {
    this.#equipment = equipment;
  }

  /** @param {string} name @returns {string} */
  logFile(name) {
    return join(this.owner.dir, 'logs', `${name}.log`);
  }

  /** @param {string} name @returns {Supervised} */
  get(name) {
    const member = this.#members.get(name);
    if (!member) throw new StackError(`No process ${name} is part of this stack.`);
    return member;
  }

  /** Starts a process and waits until it is ready. @param {Spec} spec @param {string} [name] */
  async launch(spec, name = spec.name) {
    if (this.#stopping) throw new StackError('The stack is being stopped.');
    const child = new Supervised(spec, this.owner);
    this.#members.set(name, child);
    child.start();
    await this.whenReady(child);
  }

  /** @param {Supervised} child */
  async whenReady(child) {
    const { ready, name } = child.spec;
    const lost = child.deaths + deathsMax;
    const over = () => this.#stopping || child.deaths >= lost;
    const done = async () => over() || (child.isRunning() && (await ready()));
    const spec = /** @type {Spec} */ (child.spec);
    if ((await until(done, { withinMs: readyMs })) && !over()) {
      const warning = spec.warning?.() ?? '';
      if (warning !== '') {
        this.owner.say(`  ! ${name} serves all but what is shut: ${warning}`);
        this.owner.say('    docs/operating.md tells what to do, under the reason or "Recovery"');
      }
      return;
    }
    if (this.#stopping) throw new StackError('The stack is being stopped.');
    const why = over() ? 'dies again and again' : `is not ready: ${spec.waitingFor?.() ?? ''}`;
    throw new StackError(`${name} ${why}. The end of ${spec.logFile}:`, {
      lines: this.tailOf(spec.logFile),
    });
  }

  /** @param {string} file @returns {string[]} */
  tailOf(file) {
    return tail(readFileSync(file, 'utf8'), tailLines);
  }

  /** Ports of the roles, for their environment. @returns {NodeJS.ProcessEnv} */
  portEnv() {
    if (!this.#equipment) return {};
    const { plan } = this.#equipment;
    return {
      PORT: String(plan.api),
      CATALOG_PORT: String(plan.catalog),
      OPS_PORT: String(plan.ops),
    };
  }

  #gear() {
    if (!this.#equipment) throw new StackError('The stack is not started yet.');
    return this.#equipment;
  }

  /** @param {string[]} roles */
  async startRoles(roles) {
    const { plan, roleEnv, strict } = this.#gear();
    const { host, reach, ops } = plan;
    let starting = true;
    const address = (/** @type {string} */ role) => `http://${reach}:${opsPortOf(role, ops)}`;
    const others = roles.filter((role) => role !== 'api');
    this.#peers = others.map((role) => `${role}=${address(role)}`).join(',');
    const env = this.#peersEnv(roleEnv());
    await Promise.all(
      roles.map((role) => {
        const port = role === 'api' ? plan.api : role === 'catalog' ? plan.catalog : 0;
        const place = { host, reach, port, opsPort: opsPortOf(role, ops) };
        const how = { env, logFile: this.logFile(role), processName: role, strict };
        // Whoever is to open a shut lane needs the rest of the stack for it.
        return this.launch(roleSpec(role, place, { ...how, mayBeShut: () => starting }));
      }),
    );
    starting = false;
  }

  /** @param {NodeJS.ProcessEnv} env */
  #peersEnv(env) {
    return { ...(this.#peers === '' ? {} : { OPS_PEERS: this.#peers }), ...env };
  }

  /** @param {string} role @param {NodeJS.ProcessEnv} extraEnv @returns {Promise<RoleHandle>} */
  async spawnRole(role, extraEnv) {
    if (!isBuilt(role)) throw new StackError(`The role ${role} is not built.`);
    const { plan, roleEnv, strict } = this.#gear();
    let number = 1;
    const nameOf = () => (number === 1 ? role : `${role}-${number}`);
    while (this.#members.has(nameOf())) number += 1;
    const name = nameOf();
    const [port = 0, opsPort = 0] = await freePorts(2);
    const place = { host: plan.host, reach: plan.reach, port, opsPort };
    const env = { ...this.#peersEnv(roleEnv()), ...extraEnv };
    const how = { env, logFile: this.logFile(name), processName: name, strict };
    await this.launch(roleSpec(role, place, how), name);
    const opsUrl = `http://${plan.reach}:${opsPort}`;
    return { name, opsUrl, url: role === 'worker' ? opsUrl : `http://${plan.reach}:${port}` };
  }

  /** @returns {import('./watchdog.mjs').Charge[]} */
  charges() {
    const members = [...this.#members.values()].flatMap(({ identity, spec }) => {
      const { name, stopSignal } = spec;
      return identity ? [{ ...identity, name, stopSignal, store: storeNames.includes(name) }] : [];
    });
    const guests = this.guests.map((identity) => {
      const stopSignal = /** @type {const} */ ('SIGTERM');
      return { ...identity, name: 'guest', stopSignal, store: false, hidden: true };
    });
    return [...guests, ...members];
  }

  async stop() {
    this.#stopping = true;
    const isRole = ([name = '']) => !storeNames.includes(name);
    const roles = [...this.#members].filter(([name]) => isRole([name]));
    await Promise.all(roles.map(([, child]) => child.halt()));
    for (const name of [...storeNames].reverse()) await this.#members.get(name)?.halt();
  }
}
