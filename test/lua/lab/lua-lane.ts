/**
 * A real lane on a real Redis, driven by the real scripts. Redis's TIME cannot be set; but lane
 * time is max(TIME, the time stored in the lane's `clock`), so writing a stored time that lies in
 * the future makes lane time exact. Tests therefore live around noon of the first day of 2100.
 */
import { join } from 'node:path';
import type {
  Figures,
  LaneCommand,
  LaneEntry,
  LineCommand,
  LineReply,
  Reply,
  ShopCommand,
} from '../../../engine/domain/lane/words.ts';
import type { Bounds } from '../../../engine/domain/lane/batch.ts';
import {
  packBatch,
  packLineBatch,
  readLineReplies,
  readReplies,
  type Plain,
} from '../../../engine/lanes/batch.ts';
import {
  pack,
  packHeader,
  schemaVersion,
  unpack,
  type Reply as EngineReply,
} from '../../../engine/lanes/codec.ts';
import { laneKeys, pushLineKeys, pushSaleKeys, type LaneKeys } from '../../../engine/lanes/keys.ts';
import { projectRoot } from '../../../platform/config.ts';
import { serverRunId, type Redis } from '../../../platform/redis/connection.ts';
import { readScript, runScript, type Script } from '../../../platform/redis/scripts.ts';
import { noBounds } from '../cases/case.ts';
import {
  entryInWords,
  figuresInWords,
  lineReplyInWords,
  packCommand,
  packLineCommand,
  packShop,
  replyInWords,
} from './wire.ts';

const luaFolder = join(projectRoot(), 'lua');

export const scripts = {
  shop: readScript(luaFolder, 'shop'),
  line: readScript(luaFolder, 'line'),
  command: readScript(luaFolder, 'command'),
  format: readScript(luaFolder, 'format'),
  trim: readScript(luaFolder, 'trim'),
  verify: readScript(luaFolder, 'verify'),
  freeze: readScript(luaFolder, 'freeze'),
  lease: readScript(luaFolder, 'lease'),
} satisfies Record<string, Script>;

/** What a header says that is not of the case itself. */
export interface HeaderOptions {
  readonly epoch?: number;
  readonly schema?: number;
  readonly seen?: readonly [epoch: number, seq: number];
}

export interface ShopAnswer {
  /** Of the batch: 0, or why the lane took none of it. */
  readonly status: number;
  readonly epoch: number;
  readonly seq: number;
  /** Why the lane is frozen; '' when it is not. */
  readonly why: string;
  readonly now: number;
  readonly replies: readonly Reply[];
}

export interface LineAnswer extends Omit<ShopAnswer, 'replies'> {
  readonly replies: readonly LineReply[];
  readonly figures: readonly (Figures | null)[];
}

export interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
}

export class LuaLane {
  readonly redis: Redis;
  readonly lane: number;
  readonly keys: LaneKeys;
  epoch = 1;

  private constructor(redis: Redis, lane: number) {
    this.redis = redis;
    this.lane = lane;
    this.keys = laneKeys(lane);
  }

  /** A lane as it is, or is not, in Redis. */
  static at(redis: Redis, lane: number): LuaLane {
    return new LuaLane(redis, lane);
  }

  /** Formats a lane that no other test uses: lanes of one file have their own numbers. */
  static async format(redis: Redis, lane: number): Promise<LuaLane> {
    const made = new LuaLane(redis, lane);
    const runId = await serverRunId(redis);
    const { script, keys, args } = made.formatCall(runId);
    await runScript(redis, script, keys, args);
    return made;
  }

  formatCall(runId: string, deployment = 'test'): Call {
    const { marker, clock, watermark, lastCommand, verifiedRun, outbox } = this.keys;
    return {
      script: scripts.format,
      keys: [marker, clock, watermark, lastCommand, verifiedRun, outbox],
      args: [this.lane, this.lane + 1, 1, schemaVersion, runId, deployment],
    };
  }

  /** The call that a batch makes, in the words of the pure model. */
  shopCall(commands: readonly ShopCommand[], bounds = noBounds, header: HeaderOptions = {}): Call {
    const sales = [...new Set(commands.flatMap(salesOf))];
    const packed = commands.map((c) => packShop(c, sales));
    return this.rawShopCall(sales, packed, bounds, header);
  }

  /** The same, with commands as they are sent. */
  rawShopCall(
    sales: readonly string[],
    commands: readonly unknown[],
    bounds = noBounds,
    header: HeaderOptions = {},
  ): Call {
    const args = [
      this.#header(bounds, header),
      ...packBatch(commands as readonly (readonly unknown[])[]),
    ];
    return { script: scripts.shop, keys: this.#keysOf(sales), args };
  }

  /** The call that a batch of the line makes. */
  lineCall(commands: readonly LineCommand[], bounds = noBounds, header: HeaderOptions = {}): Call {
    const sales = [...new Set(commands.map((c) => c.sale))];
    const packed = commands.map((c) => packLineCommand(c, sales.indexOf(c.sale)));
    return this.rawLineCall(sales, packed, bounds, header);
  }

  rawLineCall(
    sales: readonly string[],
    commands: readonly unknown[],
    bounds = noBounds,
    header: HeaderOptions = {},
  ): Call {
    const args = [
      this.#header(bounds, header),
      ...packLineBatch(commands as readonly (readonly unknown[])[]),
    ];
    return { script: scripts.line, keys: this.#keysOf(sales, true), args };
  }

  async line(commands: readonly LineCommand[], bounds?: Bounds): Promise<LineAnswer> {
    const asked = commands.map((c) => packLineCommand(c, 0));
    return readLineAnswer(await this.run(this.lineCall(commands, bounds)), asked);
  }

  commandCall(command: LaneCommand, header: HeaderOptions = {}): Call {
    return this.rawCommandCall(command.sale, packCommand(command), header);
  }

  rawCommandCall(sale: string, command: Buffer, header: HeaderOptions = {}): Call {
    const args = [this.#header(noBounds, header), command];
    return { script: scripts.command, keys: this.#keysOf([sale], true), args };
  }

  /** Runs a call and returns its raw answer. */
  async run(call: Call): Promise<unknown> {
    return runScript(this.redis, call.script, call.keys, call.args);
  }

  async shop(
    commands: readonly ShopCommand[],
    bounds?: Bounds,
    header?: HeaderOptions,
  ): Promise<ShopAnswer> {
    const bytes = await this.run(this.shopCall(commands, bounds, header));
    return readShopAnswer(bytes, commands);
  }

  async command(command: LaneCommand, header?: HeaderOptions): Promise<number[]> {
    return unpack((await this.run(this.commandCall(command, header))) as Buffer) as number[];
  }

  verifyCall(head: number, runId: string, outageMaxMs = 0): Call {
    const { marker, frozen, ends, clock, outbox, verifiedRun } = this.keys;
    const ended = [this.epoch, head];
    return {
      script: scripts.verify,
      keys: [marker, frozen, ends, clock, outbox, verifiedRun],
      args: [this.epoch, head, this.epoch + 1, runId, outageMaxMs, ...ended],
    };
  }

  /**
   * Begins the next epoch, as a verifier does. The script measures the outage by TIME, which our
   * lane times are far ahead of: so it adds nothing, and the outage of the case is put in by hand.
   */
  async beginEpoch(outageMs: number): Promise<void> {
    const head = Number(await this.redis.hget(this.keys.clock, 'seq'));
    await this.run(this.verifyCall(head, await serverRunId(this.redis)));
    await this.redis.hincrby(this.keys.clock, 'outage', outageMs);
    this.epoch += 1;
  }

  /** Lets lane time be `time` from now on. It never goes back. */
  async setTime(time: number): Promise<void> {
    await this.redis.hset(this.keys.clock, 't', time);
  }

  /** Entries above a position, in the model's words. */
  async entries(epoch = 0, seq = -1): Promise<LaneEntry[]> {
    const from = seq < 0 ? `${epoch}-0` : `(${epoch}-${seq}`;
    const found = await this.redis.xrangeBuffer(this.keys.outbox, from, '+');
    return found.map(([, fields]) => entryInWords(fields[1] as Buffer));
  }

  #keysOf(sales: readonly string[], withLines = false): string[] {
    const keys = [...this.keys.batch];
    for (const sale of sales) {
      pushSaleKeys(keys, this.lane, sale);
      if (withLines) pushLineKeys(keys, this.lane, sale);
    }
    return keys;
  }

  #header(bounds: Bounds, h: HeaderOptions): Buffer {
    const [seenEpoch, seenSeq] = h.seen ?? [0, -1];
    const epoch = h.epoch ?? this.epoch;
    if (h.schema === undefined) return packHeader({ epoch, seenEpoch, seenSeq, ...bounds });
    const { memoryFull, inDoubtMax, inDoubtMaxAgeMs } = bounds;
    const full = memoryFull ? 1 : 0;
    return pack([epoch, h.schema, seenEpoch, seenSeq, full, inDoubtMax, inDoubtMaxAgeMs]);
  }
}

/** In the order in which the model comes upon them. */
const salesOf = (c: ShopCommand): string[] =>
  c.kind === 'together' ? c.lines.map(({ sale }) => sale) : [c.sale];

export function readShopAnswer(bytes: unknown, commands: readonly ShopCommand[]): ShopAnswer {
  const [status, epoch, third, now, , told, plain] = unpack(bytes as Buffer) as [
    number,
    number,
    number | string,
    number,
    number,
    EngineReply[],
    Plain[],
  ];
  const isRefused = typeof third === 'string';
  const replies = isRefused ? [] : readReplies(told, plain);
  return {
    status,
    epoch,
    seq: isRefused ? -1 : third,
    why: isRefused ? third : '',
    now: isRefused ? 0 : now,
    replies: isRefused
      ? []
      : commands.map((c, i) => replyInWords(c.kind, replies[i] ?? ['no reply'])),
  };
}

/** `commands` as they were sent. */
export function readLineAnswer(
  bytes: unknown,
  commands: readonly (readonly unknown[])[],
): LineAnswer {
  const [status, epoch, third, now, , replies, figures] = unpack(bytes as Buffer) as [
    number,
    number,
    number | string,
    number,
    number,
    EngineReply[],
    (number[] | false)[],
  ];
  if (typeof third === 'string') {
    return { status, epoch, seq: -1, why: third, now: 0, replies: [], figures: [] };
  }
  return {
    ...{ status, epoch, seq: third, why: '', now },
    replies: readLineReplies(replies, commands).map(lineReplyInWords),
    figures: figures.map(figuresInWords),
  };
}
