/**
 * Calls of a line's Redis without the engine: turns given by lua/line.lua, a full batch a call and one
 * after the other, and the rewriting of its file.
 */
import { laneOfId } from '../../engine/domain/ids.ts';
import type { SaleId } from '../../engine/domain/types.ts';
import { scriptOf } from '../../engine/lane-set.ts';
import { packLineBatch } from '../../engine/lanes/batch.ts';
import { packHeader, unpack } from '../../engine/lanes/codec.ts';
import { lineOp, status } from '../../engine/lanes/codes.ts';
import { laneKeys, pushLineKeys, pushSaleKeys } from '../../engine/lanes/keys.ts';
import { sleep } from '../../platform/clock.ts';
import { messageOf } from '../../platform/fault.ts';
import type { Log } from '../../platform/log.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { runScript } from '../../platform/redis/scripts.ts';
import type { Done } from '../scenario.ts';

const timeoutMs = 10_000;
const mostACall = 256;
const lookMs = 20;

export class LineCalls {
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  readonly #header: Buffer;
  readonly #script = scriptOf('line');

  private constructor(redis: Redis, sale: SaleId, epoch: number) {
    const lane = laneOfId(sale);
    const keys = [...laneKeys(lane).batch];
    pushSaleKeys(keys, lane, sale);
    pushLineKeys(keys, lane, sale);
    this.#redis = redis;
    this.#keys = keys;
    const bounds = { memoryFull: false, inDoubtMax: 1e9, inDoubtMaxAgeMs: 1e9 };
    this.#header = packHeader({ epoch, seenEpoch: 0, seenSeq: -1, ...bounds });
  }

  static async open(url: string, sale: SaleId, log: Log): Promise<LineCalls> {
    const redis = connectRedis(url, { name: 'bench', log, commandTimeoutMs: timeoutMs });
    await untilReady(redis, timeoutMs);
    const epoch = await redis.hget(laneKeys(laneOfId(sale)).marker, 'epoch');
    return new LineCalls(redis, sale, Number(epoch));
  }

  /** Gives so many turns. */
  async admit(count: number): Promise<Done> {
    const from = performance.now();
    let admitted = 0;
    while (admitted < count) {
      const most = Math.min(mostACall, count - admitted);
      const bytes = await runScript(this.#redis, this.#script, this.#keys, [
        this.#header,
        ...packLineBatch([[lineOp.admit, 0, most]]),
      ]);
      const [answered, , , , , replies] = unpack(bytes as Buffer) as [number, ...unknown[]];
      const [, given = 0] = (replies as number[][] | undefined)?.[0] ?? [];
      if (answered !== status.ok || given === 0) {
        throw new Error(`no turns given: ${JSON.stringify(replies ?? answered)}`);
      }
      admitted += given;
    }
    return { operations: admitted, seconds: (performance.now() - from) / 1000, latency: null };
  }

  /**
   * Has Redis rewrite its file now, and waits for it: as it grows it does so by itself, and what it takes
   * would count for whatever is measured then.
   */
  async rewriteFile(): Promise<void> {
    await this.#redis.bgrewriteaof().catch((error: unknown) => {
      if (!messageOf(error).includes('already in progress')) throw error;
    });
    while (/^aof_rewrite_(in_progress|scheduled):1/m.test(await this.#redis.info('persistence'))) {
      await sleep(lookMs);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}
