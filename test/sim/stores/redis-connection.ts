/**
 * A connection to the simulated Redis, as ioredis has it: what is sent travels, arrives in order and is
 * answered in order, or is lost with the connection.
 */
import { createHash } from 'node:crypto';
import { Redis, type Command } from 'ioredis';
import type { Timer } from '../../../platform/clock.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';

const usualMs = 0.4;
const reconnectMs = 20;
const unwritable = "Stream isn't writeable and enableOfflineQueue options is false";

export type Argument = string | Buffer;

/** What a connection leads to. */
interface Server {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly up: boolean;
  readonly connections: Set<SimConnection>;
  /** Runs one command as the server. */
  execute(name: string, args: readonly Argument[], actor: Actor): Promise<unknown>;
}

interface Waiting {
  readonly command: Command;
  settled: boolean;
  /** Gives it up; null = it is waited for as long as it takes. */
  timer: Timer | null;
}

/**
 * A connection as ioredis has it, with everything but the socket: what is sent arrives in order and is
 * answered in order, or the connection ends and every answer that is still to come is an error.
 */
export class SimConnection extends Redis {
  readonly #server: Server;
  readonly actor: Actor;
  readonly #timeoutMs: number;
  #life = 0;
  #waiting = new Set<Waiting>();
  #arrivesAt = 0;
  #answersAt = 0;
  #ended = false;

  constructor(server: Server, actor: Actor, name: string, timeoutMs: number) {
    super({ lazyConnect: true, connectionName: name, protocol: 2 });
    this.#server = server;
    this.actor = actor;
    this.#timeoutMs = timeoutMs;
    this.status = 'connecting';
    this.#connectSoon();
  }

  #connectSoon(): void {
    const { scheduler } = this.#server;
    scheduler.after(
      reconnectMs + scheduler.rng.next() * reconnectMs,
      () => {
        if (this.#ended) return;
        if (!this.#server.up) {
          this.#connectSoon();
          return;
        }
        this.#life += 1;
        this.status = 'ready';
        // Another socket, by which the gate tells connections apart.
        this.stream = Object.create(null) as typeof this.stream;
        this.emit('ready');
      },
      this.actor,
    );
  }

  /** The connection ends; the client tries again. */
  cut(): void {
    if (this.status !== 'ready') return;
    this.#life += 1;
    this.status = 'reconnecting';
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#server.scheduler.after(
      0,
      () => {
        for (const one of waiting) this.#fail(one, 'Connection is closed.');
        this.emit('close');
        this.#connectSoon();
      },
      this.actor,
    );
  }

  override disconnect(): void {
    this.#ended = true;
    this.#life += 1;
    this.status = 'end';
    this.#server.connections.delete(this);
    for (const one of this.#waiting) this.#fail(one, 'Connection is closed.');
    this.#waiting.clear();
  }

  override sendCommand(command: Command): Promise<unknown> {
    const server = this.#server;
    const { scheduler, faults } = server;
    // The command's own promise may end after the caller has been ended.
    command.promise.catch(() => undefined);
    if (this.status !== 'ready') {
      command.reject(new Error(unwritable));
      return command.promise;
    }
    const fate = faults.fateOf('redis');
    if (fate === 'dies-before') faults.kill(this.actor);
    const one: Waiting = { command, settled: false, timer: null };
    this.#waiting.add(one);
    if (this.#timeoutMs > 0) {
      const giveUp = (): void => this.#fail(one, 'Command timed out');
      one.timer = scheduler.after(this.#timeoutMs, giveUp, this.actor);
    }
    if (fate === 'dropped') {
      this.cut();
      return command.promise;
    }
    const out = scheduler.delay(usualMs) + (fate === 'late' ? scheduler.rng.next() * 4000 : 0);
    this.#arrivesAt = Math.max(this.#arrivesAt, scheduler.now + out);
    const life = this.#life;
    const arrive = (): Promise<void> => this.#arrive(one, life, fate === 'lost', fate);
    scheduler.after(this.#arrivesAt - scheduler.now, arrive, scheduler.world);
    return command.promise;
  }

  async #arrive(one: Waiting, life: number, lost: boolean, fate: string): Promise<void> {
    const server = this.#server;
    const { scheduler, faults } = server;
    const { command } = one;
    const name = command.name.toLowerCase();
    // Of what was on its way when the connection ended some has arrived; nothing reaches a new server.
    if (life !== this.#life && (!server.up || scheduler.rng.chance(0.5))) return;
    if (!server.up) return;
    const { reply, error } = await this.#execute(name, command.args as Argument[]);
    scheduler.note(
      () =>
        `${this.actor.name} redis ${name} ${fate} ${digestOf(error === null ? reply : error.message)}`,
    );
    if (fate === 'dies-after') faults.kill(this.actor);
    if (lost) {
      this.cut();
      return;
    }
    const isEmptyRead = name === 'xread' && reply === null && error === null;
    const back = isEmptyRead ? scheduler.rng.next() * 200 : scheduler.delay(usualMs);
    this.#answersAt = Math.max(this.#answersAt, scheduler.now + back);
    scheduler.after(
      this.#answersAt - scheduler.now,
      () => {
        if (life !== this.#life || one.settled) return;
        this.#settle(one);
        if (error === null) command.resolve(reply);
        else command.reject(error);
      },
      this.actor,
    );
  }

  async #execute(name: string, args: readonly Argument[]) {
    try {
      return { reply: await this.#server.execute(name, args, this.actor), error: null };
    } catch (error) {
      return { reply: null, error: error as Error };
    }
  }

  #fail(one: Waiting, why: string): void {
    if (one.settled) return;
    this.#settle(one);
    one.command.reject(new Error(why));
  }

  #settle(one: Waiting): void {
    one.settled = true;
    one.timer?.close();
    this.#waiting.delete(one);
  }
}

function digestOf(reply: unknown): string {
  const text = JSON.stringify(reply ?? null, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'type' in value && 'data' in value
      ? Buffer.from(value.data as number[]).toString('latin1')
      : value,
  );
  return text.length < 60 ? text : createHash('md5').update(text).digest('hex');
}
