/**
 * Who may use a lane over a connection: only one whose server's `run_id` is the lane's
 * `verified_run`. Looked at before the first command of every new connection, and every 50 ms
 * while it differs. Also keeps the lane's epoch and the highest position that
 * this process has seen.
 *
 * States of a lane here: shut (no connection, not verified, no marker) → open(epoch) → shut.
 */
import { clock, type Timer } from '../../platform/clock.ts';
import { memoryUse, serverRunId, type Redis } from '../../platform/redis/connection.ts';
import { schemaVersion } from './codec.ts';
import { refusalOf, status } from './codes.ts';
import { laneKeys, type LaneKeys } from './keys.ts';

export interface LaneDoor {
  readonly lane: number;
  readonly keys: LaneKeys;
  open: boolean;
  /** The lane there is this deployment's, whether it may be used or not. */
  ours: boolean;
  /** Why it is shut, in words. */
  reason: string;
  epoch: number;
  seenEpoch: number;
  seenSeq: number;
}

export interface GateOptions {
  /** A connection of the gate's own: `close` ends it. */
  readonly redis: Redis;
  readonly lanes: number;
  readonly deployment: string;
  /**
   * Worker only: called with each lane that a new server has not been verified for. Answers what
   * that waits for, '' = nothing yet.
   */
  readonly onUnverified?: (lane: number, runId: string) => string;
}

const recheckMs = 50;
const memoryCheckMs = 1000;
const memoryFullShare = 0.8;

export class LaneGate {
  readonly redis: Redis;
  readonly doors: readonly LaneDoor[];
  /** Above 80 % of maxmemory: new holds are refused, ends still work. */
  memoryFull = false;
  #options: GateOptions;
  #runId = '';
  #closed = false;
  #checking = false;
  #timer: Timer | null = null;
  #memoryTimer: Timer | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
    this.doors = Array.from({ length: options.lanes }, (_, lane) => ({
      lane,
      keys: laneKeys(lane),
      open: false,
      ours: false,
      reason: 'redis: not connected',
      epoch: 0,
      seenEpoch: 0,
      seenSeq: -1,
    }));
    this.redis = options.redis;
    this.redis.on('close', () => {
      this.#runId = '';
      this.#shutAll('redis: not connected');
    });
    this.redis.on('ready', () => {
      this.#runId = '';
      this.check();
      void this.#checkMemory();
    });
    this.#watchMemory();
  }

  door(lane: number): LaneDoor {
    const door = this.doors[lane];
    if (door === undefined) throw new RangeError(`no lane ${lane}`);
    return door;
  }

  /** Shuts a lane until a look at it finds it open: after a batch that was refused as a whole. */
  shut(lane: number, reason: string): void {
    const door = this.door(lane);
    door.open = false;
    door.reason = reason;
    this.check();
  }

  /** Remembers the highest position seen, with its epoch. */
  saw(door: LaneDoor, epoch: number, seq: number): void {
    if (epoch > door.seenEpoch) {
      door.seenEpoch = epoch;
      door.seenSeq = seq;
    } else if (epoch === door.seenEpoch && seq > door.seenSeq) {
      door.seenSeq = seq;
    }
  }

  /** Looks at every shut lane now, and again while one stays shut. */
  check(): void {
    if (this.#checking || this.#closed) return;
    this.#timer?.close();
    this.#timer = null;
    this.#checking = true;
    void this.#look().finally(() => {
      this.#checking = false;
      if (!this.#closed && this.doors.some((door) => !door.open)) {
        this.#timer = clock.after(recheckMs, () => this.check());
        this.#timer.unref();
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.close();
    this.#memoryTimer?.close();
    this.#shutAll('closing');
    this.redis.disconnect();
    await Promise.resolve();
  }

  #shutAll(reason: string): void {
    for (const door of this.doors) {
      door.open = false;
      door.ours = false;
      door.reason = reason;
    }
  }

  async #look(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    const stream = this.redis.stream;
    try {
      if (this.#runId === '') this.#runId = await serverRunId(this.redis);
      for (const door of this.doors) {
        if (!door.open) await this.#lookAt(door, stream);
      }
    } catch (error) {
      this.#runId = '';
      const reason = error instanceof Error ? error.message : String(error);
      for (const door of this.doors) if (!door.open) door.reason = `redis: ${reason}`;
    }
  }

  async #lookAt(door: LaneDoor, stream: unknown): Promise<void> {
    const runId = this.#runId;
    const [verified, frozen, marker] = await Promise.all([
      this.redis.get(door.keys.verifiedRun),
      this.redis.get(door.keys.frozen),
      this.redis.hmget(door.keys.marker, 'epoch', 'lanes', 'lane', 'deployment', 'schema'),
    ]);
    // The answers count only if they came over the connection whose run id is known.
    if (this.redis.stream !== stream || this.#runId !== runId) return;
    const [epoch, lanes, lane, deployment, schema] = marker;
    door.ours = deployment === this.#options.deployment && Number(lane) === door.lane;
    if (epoch === null || epoch === undefined) {
      door.reason = 'no marker: this Redis was never formatted, or has lost its data';
    } else if (Number(lanes) !== this.doors.length || Number(lane) !== door.lane) {
      door.reason = `formatted for ${lanes ?? '?'} lanes, started with ${this.doors.length}`;
    } else if (!door.ours) {
      door.reason = 'this Redis belongs to another deployment';
    } else if (Number(schema) !== schemaVersion) {
      door.reason = `${refusalOf(status.schema, '')}: run recover`;
    } else if (frozen !== null) {
      door.reason = `frozen: ${frozen}`;
    } else if (verified !== runId) {
      const waitsFor = this.#options.onUnverified?.(door.lane, runId) ?? '';
      door.reason = `not verified since Redis started${waitsFor === '' ? '' : `: ${waitsFor}`}`;
    } else {
      door.epoch = Number(epoch);
      door.reason = '';
      door.open = true;
    }
  }

  #watchMemory(): void {
    this.#memoryTimer = clock.after(memoryCheckMs, () => {
      this.#watchMemory();
      void this.#checkMemory();
    });
    this.#memoryTimer.unref();
  }

  async #checkMemory(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    try {
      const { used, max } = await memoryUse(this.redis);
      this.memoryFull = max === 0 || used > max * memoryFullShare;
    } catch {
      // Away: nothing is decided until it is back, so nothing has to be refused.
    }
  }
}
