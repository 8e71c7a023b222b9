/**
 * Takes lane commands from Postgres to their lane, one script call each, in order. Used by the
 * dispatcher's sweep and by whoever has just written one. The script applies only the one after
 * its last, so callers may overlap.
 */
import { crashPoint } from '../../platform/crash.ts';
import { metrics } from '../../platform/metrics.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { runScript, type Script } from '../../platform/redis/scripts.ts';
import { bodyOf } from '../line/numbers.ts';
import { openCommands, type CommandRow } from '../settle/commands.ts';
import { pack, packHeader, unpack } from './codec.ts';
import { refusalOf, status } from './codes.ts';
import type { LaneDoor, LaneGate } from './gate.ts';
import { pushLineKeys, pushSaleKeys } from './keys.ts';

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
    const open = (): boolean => door.open;
    for (;;) {
      if (!open()) return;
      const last = Number((await this.#gate.redis.get(door.keys.lastCommand)) ?? Number.NaN);
      if (!Number.isSafeInteger(last)) return;
      const commands = await openCommands(this.#db, lane, last);
      if (commands.length === 0) return;
      let ahead = this.#read(commands[0]);
      for (const [i, c] of commands.entries()) {
        if (!open()) return;
        const content = await ahead;
        // Read while the lane works on this one: a draw is hundreds of them.
        ahead = this.#read(commands[i + 1]);
        ahead.catch(() => undefined);
        const keys = [...door.keys.batch];
        pushSaleKeys(keys, lane, c.sale_id);
        pushLineKeys(keys, lane, c.sale_id);
        const header = packHeader({
          epoch: door.epoch,
          seenEpoch: door.seenEpoch,
          seenSeq: door.seenSeq,
          memoryFull: false,
          inDoubtMax: Number.MAX_SAFE_INTEGER,
          inDoubtMaxAgeMs: Number.MAX_SAFE_INTEGER,
        });
        const body = pack([c.number, c.kind, content, c.sale_id]);
        crashPoint('command.sending');
        const bytes = await runScript(this.#gate.redis, this.#script, keys, [header, body], open);
        crashPoint('command.answered');
        const answer = unpack(bytes as Buffer) as readonly unknown[];
        const [state, epoch, seq, applied] = answer as readonly number[];
        if (state !== status.ok || epoch === undefined || seq === undefined) {
          this.#refused(door, answer);
          return;
        }
        this.#gate.saw(door, epoch, seq);
        if (applied === 1) metrics.commandsApplied.inc({ lane: String(lane), kind: c.kind });
        if (applied === -1) throw new Error(`lane ${lane} lacks a command before ${c.number}`);
      }
    }
  }

  async #read(command: CommandRow | undefined): Promise<readonly unknown[]> {
    if (command === undefined) return [];
    return bodyOf(this.#db, command.kind, command.sale_id, command.body);
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
