/**
 * Redis as the simulation has it: the real server with the real scripts, of which only the clock, the
 * run id and the expiry of leases are the scheduler's. Every write is kept, so that a restart can come
 * back with any prefix of them, as a server does whose file was cut or swapped.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { projectRoot } from '../../../platform/config.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';
import { SimConnection, type Argument } from './redis-connection.ts';
import { RedisMemory } from './redis-memory.ts';

type Call = readonly Argument[];

const reads = new Set([
  'get',
  'getdel',
  'hget',
  'hmget',
  'hgetall',
  'xrange',
  'xread',
  'zrangebyscore',
]);
const shim = readFileSync(join(projectRoot(), 'test/sim/stores/steer.lua'), 'utf8');
/** Answers what it wrote, and then what it answers. */
const steered = (script: string): string =>
  [shim, 'local function simScript()', script, 'end', 'local simReply = simScript()']
    .concat("return { table.concat(simWrote, '\\n'), simReply }")
    .join('\n');

export class SimRedis {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly connections = new Set<SimConnection>();
  up = true;
  runId: string;
  /** Its clock less the world's since when, ms and virtual ms since 1970; oldest first. */
  readonly skews: { readonly since: number; readonly ms: number }[] = [{ since: 0, ms: 0 }];
  /** A script as the server gets it: what a mutant changes. */
  change = (source: string): string => source;
  /** Every process owns its leases alone: two owners of every loop. */
  leasesLie = false;
  readonly #real: Redis;
  /** What was there before the first write of the run. */
  readonly #base: readonly { key: Buffer; value: Buffer }[];
  readonly #memory = new RedisMemory();
  #writes: Call[] = [];
  #starts = 0;
  /** SHA of the script as its caller knows it → as this server runs it. */
  #loaded = new Map<string, string>();
  /** Scripts that the server has in its cache. */
  #known = new Set<string>();

  private constructor(
    real: Redis,
    scheduler: Scheduler,
    faults: Faults,
    runId: string,
    base: readonly { key: Buffer; value: Buffer }[],
  ) {
    this.#real = real;
    this.scheduler = scheduler;
    this.faults = faults;
    this.runId = runId;
    this.#base = base;
  }

  /** `real` = a server of this process's own, formatted for a server of that run id. */
  static async over(
    real: Redis,
    runId: string,
    scheduler: Scheduler,
    faults: Faults,
  ): Promise<SimRedis> {
    const base: { key: Buffer; value: Buffer }[] = [];
    for (const key of (await real.keysBuffer('*')).sort(Buffer.compare)) {
      base.push({ key, value: await real.dumpBuffer(key) });
    }
    return new SimRedis(real, scheduler, faults, runId, base);
  }

  get skewMs(): number {
    return this.skews.at(-1)?.ms ?? 0;
  }

  /** Sets its clock, forward or back. */
  setClock(byMs: number): void {
    this.skews.push({ since: this.scheduler.wall, ms: this.skewMs + byMs });
  }

  get writes(): number {
    return this.#writes.length;
  }

  connect(actor: Actor, name: string, commandTimeoutMs: number): SimConnection {
    const connection = new SimConnection(this, actor, name, commandTimeoutMs);
    this.connections.add(connection);
    return connection;
  }

  /** Ends every connection. What was on its way may have arrived. */
  cut(): void {
    for (const connection of this.connections) connection.cut();
  }

  forgetScripts(): void {
    this.#known.clear();
  }

  /** Stops the server; it comes back after `downMs` with its first `kept` writes. */
  async restart(downMs: number, kept = this.#writes.length): Promise<void> {
    this.up = false;
    const start = ++this.#starts;
    this.cut();
    this.forgetScripts();
    if (kept < this.#writes.length) await this.#goBack(kept);
    this.scheduler.after(
      downMs,
      () => {
        if (start !== this.#starts) return;
        this.up = true;
        this.runId = createHash('sha1').update(`${this.runId}+`).digest('hex');
        this.scheduler.note(`redis up with ${kept} writes`);
      },
      this.scheduler.world,
    );
  }

  async #goBack(kept: number): Promise<void> {
    const writes = this.#writes.slice(0, kept);
    const pipeline = this.#real.pipeline();
    pipeline.flushall();
    for (const { key, value } of this.#base) pipeline.restore(key, 0, value);
    for (const [name = '', ...args] of writes) pipeline.call(name.toString(), ...args);
    for (const [error] of (await pipeline.exec()) ?? []) {
      if (error !== null && !error.message.startsWith('ERR lane')) throw error;
    }
    this.#writes = writes;
    this.#memory.forget();
  }

  /** Runs one command as the server. */
  async execute(name: string, args: readonly Argument[], actor: Actor): Promise<unknown> {
    if (name === 'time') return this.#time();
    if (name === 'info') return Buffer.from(this.#info());
    if (name === 'ping') return Buffer.from('PONG');
    if (name === 'script') return this.#load(args[1] ?? '');
    if (name === 'evalsha') return this.#script(args, actor);
    if (name === 'scan') return this.#scan(args);
    const asked = name === 'xread' ? withoutBlock(args) : args;
    const reply = await this.#memory.answer(name, asked, () =>
      this.#real.callBuffer(name, ...asked),
    );
    const isTaken = name === 'getdel' && reply !== null;
    if (isTaken) this.faults.count('a gap was published again');
    if (isTaken || !reads.has(name)) {
      this.#writes.push([name, ...args]);
      this.#memory.changed([String(args[0])]);
    }
    return reply;
  }

  /** In an order that does not depend on the server's own seed, all at once. */
  async #scan(args: readonly Argument[]): Promise<unknown> {
    const at = args.findIndex((arg) => String(arg).toUpperCase() === 'MATCH');
    const keys = await this.#real.keysBuffer(String(args[at + 1] ?? '*'));
    return [Buffer.from('0'), keys.sort((a, b) => Buffer.compare(a, b))];
  }

  #time(): Buffer[] {
    const ms = this.scheduler.wall + this.skewMs;
    return [Math.floor(ms / 1000), (ms % 1000) * 1000].map((n) => Buffer.from(String(n)));
  }

  #info(): string {
    return `run_id:${this.runId}\r\nused_memory:1000000\r\nmaxmemory:100000000\r\n`;
  }

  async #load(source: Argument): Promise<Buffer> {
    const sha = createHash('sha1').update(source).digest('hex');
    if (!this.#loaded.has(sha)) {
      const text = steered(this.change(source.toString()));
      this.#loaded.set(sha, String(await this.#real.script('LOAD', text)));
    }
    this.#known.add(sha);
    return Buffer.from(sha);
  }

  async #script([sha = '', ...rest]: readonly Argument[], actor: Actor): Promise<unknown> {
    const own = this.#loaded.get(sha.toString());
    if (own === undefined || !this.#known.has(sha.toString())) {
      this.faults.count('script loaded');
      throw new Error('NOSCRIPT No matching script. Please use EVAL.');
    }
    if (this.leasesLie && String(rest[1]).includes(':lease:')) {
      // Each has a lease of its own.
      return this.#run(own, [rest[0] ?? '', `${String(rest[1])}@${actor.name}`, ...rest.slice(2)]);
    }
    return this.#run(own, rest);
  }

  async #run(sha: string, rest: readonly Argument[]): Promise<unknown> {
    const steer = [String(this.scheduler.wall + this.skewMs), this.runId];
    const call: Call = ['evalsha', sha, ...rest, ...steer];
    let answer: readonly [Buffer, unknown];
    try {
      answer = (await this.#real.callBuffer('EVALSHA', ...call.slice(1))) as [Buffer, unknown];
    } catch (error) {
      // It may have written before.
      this.#writes.push(call);
      this.#memory.forget();
      throw error;
    }
    const [wrote, reply] = answer;
    if (wrote.length > 0) {
      this.#writes.push(call);
      this.#memory.changed(wrote.toString('latin1').split('\n'));
    }
    if (reply instanceof Error) throw reply;
    return reply ?? null;
  }
}

function withoutBlock(args: readonly Argument[]): Argument[] {
  const at = args.findIndex((arg) => String(arg).toUpperCase() === 'BLOCK');
  return at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 2)];
}
