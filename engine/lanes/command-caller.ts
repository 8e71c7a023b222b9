/**
 * Takes lane commands from Postgres to their lane, one script call each, in order. Used by the
 * dispatcher's sweep and by whoever has just written one. The script applies only the one after
 * its last, so callers may overlap, and quick ones are on their way together.
 */
import { crashPoint } from '../../platform/crash.ts';
import { metrics } from '../../platform/metrics.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { runScript, type Script } from '../../platform/redis/scripts.ts';
import type { SaleId } from '../domain/types.ts';
import { bodyOf } from '../line/numbers.ts';
import { openCommands, type CommandKind, type CommandRow } from '../settle/commands.ts';
import { pack, packHeader, unpack } from './codec.ts';
import { refusalOf, status } from './codes.ts';
import type { LaneDoor, LaneGate } from './gate.ts';
import { pushLineKeys, pushSaleKeys } from './keys.ts';

/** They take a lane some microseconds: those that are on their way together share one fsync. */
const quick: ReadonlySet<CommandKind> = new Set(['install', 'credit']);
const flightMax = 32;

/** What is sent together, in order. */
function flightsOf(commands: readonly CommandRow[]): CommandRow[][] {
  const flights: CommandRow[][] = [];
  let room = 0;
  for (const command of commands) {
    const isQuick = quick.has(command.kind);
    if (isQuick && room > 0) flights.at(-1)?.push(command);
    else flights.push([command]);
    if (!isQuick) room = 0;
    else room = room > 0 ? room - 1 : flightMax - 1;
  }
  return flights;
}

/** A command as its script takes it. */
interface Packed {
  readonly sale: SaleId;
  readonly body: Buffer;
}

/** The lane was found rolled back: Postgres must know. */
export type OnFrozen = (lane: number, reason: string, epoch: number) => void;

export class CommandCaller {
  #db: Db;
  #gate: LaneGate;
  #script: Script;
  #onFrozen: OnFrozen;
  #busy = new Map<number, Promise<void>>();

  constructor(db: Db, gate: LaneGate, script: Script, onFrozen: OnFrozen) {
    this.#onFrozen = onFrozen;
    this.#db = db;
    this.#gate = gate;
    this.#script = script;
  }

  /** Sends a lane what it has not applied. Resolves at once when the lane is shut. */
  send(lane: number): Promise<void> {
    const before = this.#busy.get(lane) ?? Promise.resolve();
    const next = before.catch(() => undefined).then(() => this.#sweep(lane));
    this.#busy.set(lane, next);
    return next;
  }

  async #sweep(lane: number): Promise<void> {
    const door = this.#gate.door(lane);
    for (;;) {
      if (!door.open) return;
      const last = Number((await this.#gate.redis.get(door.keys.lastCommand)) ?? Number.NaN);
      if (!Number.isSafeInteger(last)) return;
      const commands = await openCommands(this.#db, lane, last);
      if (commands.length === 0) return;
      if (!(await this.#sendAll(door, flightsOf(commands)))) return;
    }
  }

  /** One flight after the other. Answers false where the lane takes no more for now. */
  async #sendAll(door: LaneDoor, flights: readonly (readonly CommandRow[])[]): Promise<boolean> {
    let ahead = this.#readAhead(flights[0]);
    for (const [i, flight] of flights.entries()) {
      if (!door.open) return false;
      const packed = await ahead;
      // Read while the lane works on this one: a draw is hundreds of them.
      ahead = this.#readAhead(flights[i + 1]);
      const calls = packed.map((command) => this.#call(door, command));
      // All of them: none may be under way when the lane is asked what it has applied.
      await Promise.allSettled(calls);
      for (const [j, command] of flight.entries()) {
        if (!this.#isTaken(door, command, await calls[j])) return false;
      }
    }
    return true;
  }

  /** Sent before it returns, so that calls reach the lane in the order in which they are made. */
  async #call(door: LaneDoor, { sale, body }: Packed): Promise<unknown> {
    const keys = [...door.keys.batch];
    pushSaleKeys(keys, door.lane, sale);
    pushLineKeys(keys, door.lane, sale);
    const header = packHeader({
      epoch: door.epoch,
      seenEpoch: door.seenEpoch,
      seenSeq: door.seenSeq,
      memoryFull: false,
      inDoubtMax: Number.MAX_SAFE_INTEGER,
      inDoubtMaxAgeMs: Number.MAX_SAFE_INTEGER,
    });
    crashPoint('command.sending');
    const mayRepeat = (): boolean => door.open;
    const bytes = await runScript(this.#gate.redis, this.#script, keys, [header, body], mayRepeat);
    crashPoint('command.answered');
    return unpack(bytes as Buffer);
  }

  /** Throws when the lane lacks an earlier one. */
  #isTaken(door: LaneDoor, { number, kind }: CommandRow, answer: unknown): boolean {
    const [state, epoch, seq, applied] = answer as readonly number[];
    if (state !== status.ok || epoch === undefined || seq === undefined) {
      this.#refused(door, answer as readonly unknown[]);
      return false;
    }
    this.#gate.saw(door, epoch, seq);
    if (applied === 1) metrics.commandsApplied.inc({ lane: String(door.lane), kind });
    if (applied === -1) throw new Error(`lane ${door.lane} lacks a command before ${number}`);
    return true;
  }

  /** Nobody waits for it when the lane shuts meanwhile: that it failed is told to who does only. */
  #readAhead(flight: readonly CommandRow[] = []): Promise<readonly Packed[]> {
    const ahead = Promise.all(flight.map((command) => this.#read(command)));
    ahead.catch(() => undefined);
    return ahead;
  }

  async #read({ number, kind, sale_id: sale, body }: CommandRow): Promise<Packed> {
    return { sale, body: pack([number, kind, await bodyOf(this.#db, kind, sale, body), sale]) };
  }

  #refused(door: LaneDoor, [state, epoch, why]: readonly unknown[]): void {
    if (state === status.epoch && typeof epoch === 'number') {
      door.epoch = epoch;
      return;
    }
    this.#gate.shut(door.lane, refusalOf(state, why));
    if (state === status.rolled_back) this.#onFrozen(door.lane, String(why), Number(epoch));
  }
}
