/**
 * Writes to a lane that is being recovered, in numbered steps: each is done once, after the one
 * before it, and only while the lane carries this recovery's token (lua/rebuild.lua). So an answer
 * that did not come is simply asked for again.
 */
import { sleep } from '../../platform/clock.ts';
import { Fault, messageOf } from '../../platform/fault.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { runScript, type Script } from '../../platform/redis/scripts.ts';
import { pack } from '../lanes/codec.ts';
import { laneKeys, type LaneKeys } from '../lanes/keys.ts';

export type Write = readonly [
  command: 'HSET' | 'ZADD' | 'SET' | 'UNLINK',
  key: string,
  ...args: (string | Buffer)[],
];

/** Bounds of one step: Redis serves nobody else meanwhile. */
const argumentsMax = 4000;
const bytesMax = 512 * 1024;
const triesMax = 20;
const retryMs = 500;

/** Another recovery has the lane, or its Redis went back: this one is over. */
export class Overtaken extends Fault {
  constructor(message: string) {
    super('recover', message, { retryable: false });
    this.name = 'Overtaken';
  }
}

export class LaneWriter {
  readonly #redis: Redis;
  readonly #script: Script;
  readonly #keys: LaneKeys;
  readonly #token: string;
  #step = 0;
  #writes: Write[] = [];
  #arguments = 0;
  #bytes = 0;

  constructor(redis: Redis, script: Script, lane: number, token: string) {
    this.#redis = redis;
    this.#script = script;
    this.#keys = laneKeys(lane);
    this.#token = token;
  }

  /**
   * Takes the lane, from whichever recovery had it before, and freezes it. Throws `Overtaken` when
   * a later one has it or was the last to make it.
   */
  async take(): Promise<void> {
    await this.#run();
  }

  /** Adds a write of at most a few thousand arguments; it is done by the next full step. */
  async add(write: Write): Promise<void> {
    this.#writes.push(write);
    this.#arguments += write.length;
    for (const arg of write) this.#bytes += arg.length;
    if (this.#arguments >= argumentsMax || this.#bytes >= bytesMax) await this.#run();
  }

  /** Does what was added. */
  async flush(): Promise<void> {
    if (this.#writes.length > 0) await this.#run();
  }

  async #run(): Promise<void> {
    const { frozen, rebuilt, marker } = this.#keys;
    const keys = [frozen, rebuilt, marker];
    const at = new Map<string, number>();
    const writes = this.#writes.map(([command, key, ...args]) => {
      const index = at.get(key) ?? keys.push(key);
      at.set(key, index);
      return [command, index, args.length];
    });
    // Not packed: cmsgpack reads no binary, and packed text must be UTF-8.
    const all = this.#writes.flatMap(([, , ...args]) => args);
    const done = await this.#ask(keys, [this.#token, this.#step, pack(writes), ...all]);
    if (done === -1) throw new Overtaken('another recovery has taken this lane over');
    if (done === -2) throw new Overtaken('redis went back meanwhile: run recover again');
    this.#step += 1;
    this.#writes = [];
    this.#arguments = 0;
    this.#bytes = 0;
  }

  async #ask(keys: readonly string[], args: readonly (string | number | Buffer)[]) {
    for (let tries = 1; ; tries++) {
      try {
        return await runScript(this.#redis, this.#script, keys, args);
      } catch (error) {
        // What the server itself refuses it refuses again.
        const refused = error instanceof Error && error.name === 'ReplyError';
        if (refused || tries === triesMax) {
          throw new Fault('redis', `redis: ${messageOf(error)}`, {
            retryable: !refused,
            cause: error,
          });
        }
        await sleep(retryMs);
      }
    }
  }
}
