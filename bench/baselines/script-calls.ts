/**
 * The lane's script without the engine's batching: one call for each hold, pipelined over one
 * connection as fast as ioredis can; and ready-made batches in a loop, which is what Redis itself
 * can do with this script. Both are checked after the clock has stopped.
 */
import { Histogram } from '../client/histogram.ts';
import type { HoldCommand, SaleId } from '../../engine/domain/types.ts';
import { fnv1a } from '../../engine/domain/fingerprint.ts';
import { laneOfId } from '../../engine/domain/ids.ts';
import { scriptOf } from '../../engine/lane-set.ts';
import { packBatch, readReplies, type Plain } from '../../engine/lanes/batch.ts';
import { packHeader, unpack, type Reply } from '../../engine/lanes/codec.ts';
import { code, op, status } from '../../engine/lanes/codes.ts';
import { laneKeys, pushSaleKeys } from '../../engine/lanes/keys.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { runScript } from '../../platform/redis/scripts.ts';
import type { Log } from '../../platform/log.ts';
import type { Done } from '../scenario.ts';

export interface Bounds {
  readonly inDoubtMax: number;
  readonly inDoubtMaxAgeMs: number;
}

const timeoutMs = 10_000;

export class ScriptCalls {
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  readonly #header: Buffer;
  readonly #script = scriptOf('shop');

  private constructor(redis: Redis, sale: SaleId, epoch: number, bounds: Bounds) {
    const lane = laneOfId(sale);
    const keys = [...laneKeys(lane).batch];
    pushSaleKeys(keys, lane, sale);
    this.#redis = redis;
    this.#keys = keys;
    this.#header = packHeader({
      epoch,
      seenEpoch: 0,
      seenSeq: -1,
      memoryFull: false,
      ...bounds,
    });
  }

  static async open(url: string, sale: SaleId, bounds: Bounds, log: Log): Promise<ScriptCalls> {
    const redis = connectRedis(url, { name: 'bench', log, commandTimeoutMs: timeoutMs });
    await untilReady(redis, timeoutMs);
    const epoch = await redis.hget(laneKeys(laneOfId(sale)).marker, 'epoch');
    return new ScriptCalls(redis, sale, Number(epoch), bounds);
  }

  /** `width` calls under way at any time, each with one hold. */
  async oneByOne(holds: readonly HoldCommand[], width: number): Promise<Done> {
    const latency = new Histogram();
    const replies: Buffer[] = [];
    let turn = 0;
    const from = performance.now();
    const worker = async (): Promise<void> => {
      for (let hold = holds[turn++]; hold !== undefined; hold = holds[turn++]) {
        const at = performance.now();
        replies.push(await this.#call(packBatch([commandOf(hold)])));
        latency.add(performance.now() - at);
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
    const seconds = (performance.now() - from) / 1000;
    for (const reply of replies) check(reply, 1);
    return { operations: holds.length, seconds, latency };
  }

  /** Batches made before the clock starts, sent one after the other. */
  async inBatches(holds: readonly HoldCommand[], size: number): Promise<Done> {
    const batches: Buffer[][] = [];
    for (let i = 0; i < holds.length; i += size) {
      // Buffers of its own: `pack` gives slices of a shared one.
      const packed = packBatch(holds.slice(i, i + size).map(commandOf));
      batches.push(packed.map((bytes) => Buffer.from(bytes)));
    }
    const replies: Buffer[] = [];
    const from = performance.now();
    for (const batch of batches) replies.push(await this.#call(batch));
    const seconds = (performance.now() - from) / 1000;
    replies.forEach((reply, i) => check(reply, Math.min(size, holds.length - i * size)));
    return { operations: holds.length, seconds, latency: null };
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #call(commands: readonly Buffer[]): Promise<Buffer> {
    const args = [this.#header, ...commands];
    return (await runScript(this.#redis, this.#script, this.#keys, args)) as Buffer;
  }
}

/** The idempotency key stands for the key that the engine derives from it: as long, and as unique. */
function commandOf(hold: HoldCommand): unknown[] {
  const fingerprint = fnv1a(`${hold.quantity}\0${hold.product}`);
  const verified = hold.verified ? 1 : 0;
  const { shopper, idempotencyKey, quantity, product } = hold;
  return [op.hold, 0, shopper, idempotencyKey, fingerprint, quantity, product, verified];
}

function check(reply: Buffer, holds: number): void {
  const [answered, , , , , replies, plain] = unpack(reply) as [number, ...unknown[]];
  const told = Array.isArray(replies) ? readReplies(replies as Reply[], plain as Plain[]) : [];
  const codes = told.map(([number]) => number);
  const taken = codes.filter((number) => number === code.done).length;
  if (answered !== status.ok || taken !== holds) {
    throw new Error(`a batch of ${holds} was answered with status ${answered}, ${taken} taken`);
  }
}
