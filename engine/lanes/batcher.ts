/**
 * The engine's heart: gathers the commands of one lane while a batch is in flight and sends them
 * as one script call. No timer: an idle lane sends at once, a busy one grows its batches. One in
 * flight, flushed by `setImmediate` or by being full; two in flight or larger batches brought
 * nothing (measured).
 */
import { clock } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash.ts';
import type { Log } from '../../platform/log.ts';
import { metrics } from '../../platform/metrics.ts';
import { runScript, type Script } from '../../platform/redis/scripts.ts';
import type { SaleId } from '../domain/types.ts';
import { packHeader, unpack, type Reply } from './codec.ts';
import { refusalOf, status } from './codes.ts';
import type { OnFrozen } from './command-caller.ts';
import type { LaneDoor, LaneGate } from './gate.ts';

/** What became of one command: a reply of the script, or why there is none. */
export type Answer =
  | {
      readonly kind: 'reply';
      readonly reply: Reply;
      readonly now: number;
      /** What `share` made of the whole batch. */
      readonly shared: unknown;
    }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** A command is `[op, sale index, …]`; the batcher fills the index in. */
export type Command = [op: number, sale: number, ...rest: unknown[]];

/** A command in a sale. */
export interface Placed {
  readonly sale: SaleId;
  readonly command: Command;
}

/** A batch that was answered, as the lane saw it: commands and replies by the same index. */
export interface Answered {
  readonly batch: readonly Placed[];
  readonly replies: readonly Reply[];
  readonly epoch: number;
  readonly seq: number;
  /** What the script's answer says beyond the replies; sales in the order of their first commands. */
  readonly rest: readonly unknown[];
}

interface Waiting {
  readonly sale: SaleId;
  readonly command: Command;
  readonly units: number;
  readonly since: number;
  readonly done: (answer: Answer) => void;
  /** Commands that this one consists of: done together, so never in two batches. */
  readonly together: readonly Placed[];
}

export interface BatcherOptions {
  readonly gate: LaneGate;
  readonly lane: number;
  readonly script: Script;
  /** Appends the keys that the script wants of a sale. */
  readonly pushKeys: (keys: string[], lane: number, sale: SaleId) => void;
  /** The script's arguments behind the header. */
  readonly packCommands: (commands: readonly Command[]) => readonly Buffer[];
  /** Replies as they are handed out, from those that came and what came behind them. */
  readonly readReplies: (
    replies: readonly Reply[],
    rest: readonly unknown[],
    commands: readonly Command[],
  ) => readonly Reply[];
  /** What all answers of a batch have in common; goes out with each. */
  readonly share?: (answered: Answered) => unknown;
  readonly batchMax: number;
  readonly inDoubtMax: number;
  readonly inDoubtMaxAgeMs: number;
  readonly log: Log;
  readonly onFrozen: OnFrozen;
}

const alone: readonly Placed[] = [];

const waitingMax = 50_000;
/** Once the first has waited for so long, whoever wants units is told at once to come again. */
const waitMaxMs = 500;
const unitsPerBatchMax = 4096;
const retriesMax = 3;

export class Batcher {
  #options: BatcherOptions;
  #door: LaneDoor;
  #waiting: Waiting[] = [];
  #inFlight = false;
  #scheduled = false;
  #label: string;

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#door = options.gate.door(options.lane);
    this.#label = String(options.lane);
  }

  /**
   * Adds a command. `units` is what it may take, which bounds a batch's work; `together` = the
   * commands that it consists of, in sales of their own.
   */
  submit(
    sale: SaleId,
    command: Command,
    units: number,
    done: (answer: Answer) => void,
    together: readonly Placed[] = alone,
  ): void {
    if (!this.#door.open) {
      done({ kind: 'unavailable', reason: this.#door.reason });
      return;
    }
    const since = clock.now();
    if (this.#isFull(units, since)) {
      done({ kind: 'unavailable', reason: 'too many commands are waiting' });
      return;
    }
    this.#waiting.push({ sale, command, units, since, done, together });
    this.#schedule();
  }

  /**
   * A queue that is longer than clients are patient decides for nobody: each answer would come after
   * its asker has gone. So holds are turned away by how long the first has waited; whoever ends or
   * reads something is not.
   */
  #isFull(units: number, now: number): boolean {
    if (this.#waiting.length >= waitingMax) return true;
    const [first] = this.#waiting;
    return units > 0 && first !== undefined && now - first.since > waitMaxMs;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  #schedule(): void {
    if (this.#inFlight) return;
    // More will not fit in: in a rush of requests the event loop takes its time to come by.
    if (this.#waiting.length >= this.#options.batchMax) {
      void this.#send(this.#take());
      return;
    }
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    clock.soon(() => {
      this.#scheduled = false;
      if (!this.#inFlight && this.#waiting.length > 0) void this.#send(this.#take());
    });
  }

  #take(): Waiting[] {
    let units = 0;
    let n = 0;
    const most = Math.min(this.#options.batchMax, this.#waiting.length);
    while (n < most) {
      units += this.#waiting[n]?.units ?? 0;
      if (units > unitsPerBatchMax && n > 0) break;
      n++;
    }
    return n === this.#waiting.length ? this.#waiting.splice(0) : this.#waiting.splice(0, n);
  }

  async #send(batch: Waiting[], tries = 0): Promise<void> {
    if (!this.#door.open) {
      // The connection was cut while these waited: the next server may not be verified.
      this.#inFlight = false;
      const behind = this.#waiting.splice(0);
      this.#fail([...batch, ...behind], { kind: 'unavailable', reason: this.#door.reason });
      return;
    }
    this.#inFlight = true;
    const answer = await this.#ask(batch);
    if (answer !== null && answer[0] === status.ok) {
      const [, epoch, seq, now, , replies, ...rest] = answer as [
        ...[0, number, number, number, number, Reply[]],
        ...unknown[],
      ];
      this.#options.gate.saw(this.#door, epoch, seq);
      // What waits goes first: the lane decides it while these answers are written.
      this.#inFlight = false;
      if (this.#waiting.length > 0) void this.#send(this.#take());
      const commands = batch.map(({ command }) => command);
      const read = this.#options.readReplies(replies, rest, commands);
      const shared = this.#options.share?.({ batch, replies: read, epoch, seq, rest });
      handOut(batch, read, now, shared);
      return;
    }
    if (answer !== null && answer[0] === status.epoch && typeof answer[1] === 'number') {
      // Same server, so its new epoch was begun by a verifier or by `recover`.
      this.#door.epoch = answer[1];
      if (tries < retriesMax) {
        await this.#send(batch, tries + 1);
        return;
      }
      this.#fail(batch, { kind: 'unavailable', reason: 'the lane has begun a new epoch' });
    } else if (answer !== null) {
      this.#refuse(batch, answer);
    }
    this.#inFlight = false;
    this.#schedule();
  }

  /** The script's answer, still packed in an array. Null = there is none, and the batch was told. */
  async #ask(batch: readonly Waiting[]): Promise<readonly unknown[] | null> {
    const started = clock.now();
    try {
      crashPoint('batch.sending');
      const bytes = await this.#call(batch);
      crashPoint('batch.answered');
      metrics.batchSize.observe({ lane: this.#label }, batch.length);
      const waitedMs = started - (batch[0]?.since ?? started);
      metrics.batchWaitSeconds.observe({ lane: this.#label }, waitedMs / 1000);
      return unpack(bytes) as unknown[];
    } catch (error) {
      this.#onError(batch, error);
      return null;
    } finally {
      metrics.scriptSeconds.observe(
        { script: this.#options.script.name },
        (clock.now() - started) / 1000,
      );
    }
  }

  async #call(batch: readonly Waiting[]): Promise<Buffer> {
    const { gate, lane, script, pushKeys } = this.#options;
    const keys = [...this.#door.keys.batch];
    const index = new Map<SaleId, number>();
    const commands: Command[] = [];
    const place = ({ sale, command }: Placed): void => {
      let at = index.get(sale);
      if (at === undefined) {
        at = index.size;
        index.set(sale, at);
        pushKeys(keys, lane, sale);
      }
      command[1] = at;
    };
    for (const waiting of batch) {
      if (waiting.together.length === 0) place(waiting);
      else for (const one of waiting.together) place(one);
      commands.push(waiting.command);
    }
    const header = packHeader({
      epoch: this.#door.epoch,
      seenEpoch: this.#door.seenEpoch,
      seenSeq: this.#door.seenSeq,
      memoryFull: gate.memoryFull,
      inDoubtMax: this.#options.inDoubtMax,
      inDoubtMaxAgeMs: this.#options.inDoubtMaxAgeMs,
    });
    return (await runScript(
      gate.redis,
      script,
      keys,
      [header, ...this.#options.packCommands(commands)],
      () => this.#door.open,
    )) as Buffer;
  }

  /** The lane took none of the batch, and takes nothing more until a look finds it open. */
  #refuse(batch: readonly Waiting[], answer: readonly unknown[]): void {
    const { gate, lane } = this.#options;
    const reason = refusalOf(answer[0], answer[2]);
    gate.shut(lane, reason);
    if (answer[0] === status.rolled_back) {
      this.#options.onFrozen(lane, String(answer[2]), Number(answer[1]));
    }
    this.#fail(batch, { kind: 'unavailable', reason });
  }

  #onError(batch: readonly Waiting[], error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    metrics.loopErrors.inc({ loop: 'batcher' });
    // An error that the script raised before its first write had no effect.
    const refused = /^(OOM|MISCONF|LOADING|READONLY|NOPERM|NOSCRIPT)/.test(reason);
    this.#options.log.warn({ lane: this.#options.lane, err: reason }, 'batch without an answer');
    this.#fail(batch, { kind: refused ? 'unavailable' : 'unknown', reason });
  }

  #fail(batch: readonly Waiting[], answer: Answer): void {
    for (const waiting of batch) waiting.done(answer);
  }
}

function handOut(
  batch: readonly Waiting[],
  replies: readonly Reply[],
  now: number,
  shared: unknown,
): void {
  for (let i = 0; i < batch.length; i++) {
    const reply = replies[i];
    const waiting = batch[i];
    if (reply !== undefined && waiting !== undefined) {
      waiting.done({ kind: 'reply', reply, now, shared });
    }
  }
}
