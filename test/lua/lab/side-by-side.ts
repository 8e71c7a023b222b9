/**
 * One history in the pure model and in Redis: the model says what every call must answer, all calls
 * go out in one pipeline, and then answers, outbox and the whole state of the lane are compared.
 */
import { expect } from 'vitest';
import { runBatch } from '../../../engine/domain/lane/batch.ts';
import { runLineBatch } from '../../../engine/domain/lane/line-batch.ts';
import { runCommand } from '../../../engine/domain/lane/command.ts';
import { beginEpoch, settle, untoldMs } from '../../../engine/domain/lane/epoch.ts';
import { violations } from '../../../engine/domain/lane/invariants.ts';
import { newLane, type Lane } from '../../../engine/domain/lane/state.ts';
import type {
  Figures,
  LaneEntry,
  LineCommand,
  LineReply,
  Reply,
  ShopCommand,
} from '../../../engine/domain/lane/words.ts';
import { unpack } from '../../../engine/lanes/codec.ts';
import { saleOf, flash, noBounds, noon, other } from '../cases/case.ts';
import { readLineAnswer, readShopAnswer, type Call, type LuaLane } from './lua-lane.ts';
import type { Move, Sequence } from './sequence.ts';
import { readLane, withSortedTail } from './snapshot.ts';
import { packLineCommand, withSortedRefusals } from './wire.ts';

/** What Redis is told, and what it must answer. */
type Step =
  | { readonly kind: 'call'; readonly call: Call; readonly expected: unknown }
  | {
      readonly kind: 'line';
      readonly call: Call;
      readonly asked: readonly (readonly unknown[])[];
      readonly expected: unknown;
    }
  | {
      readonly kind: 'shop';
      readonly call: Call;
      readonly commands: readonly ShopCommand[];
      readonly expected: unknown;
    }
  | {
      readonly kind: 'write';
      readonly key: string;
      readonly field: string;
      readonly value: number;
    };

export interface Told {
  readonly commands: readonly ShopCommand[];
  readonly replies: readonly Reply[];
}

export interface LineTold {
  readonly commands: readonly LineCommand[];
  readonly replies: readonly LineReply[];
  readonly figures: readonly (Figures | null)[];
}

/** What a history has been through: for checks that the tests test something. */
export interface Seen {
  readonly batches: readonly Told[];
  readonly lineBatches: readonly LineTold[];
  readonly entries: readonly LaneEntry[];
  readonly lane: Lane;
}

/** Runs a history in the model alone; throws when an invariant breaks after any step. */
class ModelRun {
  readonly lane = newLane();
  readonly steps: Step[] = [];
  readonly entries: LaneEntry[] = [];
  readonly batches: Told[] = [];
  readonly lineBatches: LineTold[] = [];
  #real: LuaLane;
  #now = noon - 500;
  #runId: string;

  constructor(real: LuaLane, runId: string) {
    this.#real = real;
    this.#runId = runId;
  }

  run(sequence: Sequence): void {
    for (const options of sequence.sales) {
      for (const command of saleOf(options, this.lane.lastCommand + 1)) {
        this.#command({ kind: 'command', wait: 0, ahead: 1, command: () => command });
      }
    }
    for (const move of sequence.moves) {
      this.#move(move);
      expect(violations(this.lane)).toEqual([]);
    }
  }

  #move(move: Move): void {
    const { clock, watermark } = this.#real.keys;
    switch (move.kind) {
      case 'batch':
        this.#batch(move);
        return;
      case 'line':
        this.#line(move);
        return;
      case 'command':
        this.#command(move);
        return;
      case 'restart': {
        const call = this.#real.verifyCall(this.lane.seq, this.#runId);
        this.steps.push({ kind: 'call', call, expected: 1 });
        beginEpoch(this.lane, move.outageMs, this.#now + untoldMs);
        this.#real.epoch = this.lane.epoch;
        this.steps.push({ kind: 'write', key: clock, field: 'outage', value: this.lane.outage });
        // The script's own time is of no history: the next step says when it is.
        this.steps.push({ kind: 'write', key: clock, field: 't', value: this.#now });
        return;
      }
      case 'settled': {
        settle(this.lane, this.lane.decided, this.lane.doubtSince);
        const value = this.lane.decided;
        this.steps.push({ kind: 'write', key: watermark, field: 'decided', value });
      }
    }
  }

  #wait(ms: number): void {
    this.#now += ms;
    this.steps.push({ kind: 'write', key: this.#real.keys.clock, field: 't', value: this.#now });
  }

  #batch(move: Extract<Move, { kind: 'batch' }>): void {
    this.#wait(move.wait);
    const bounds = { ...noBounds, ...move.bounds };
    const call = this.#real.shopCall(move.commands, bounds);
    const result = runBatch(this.lane, move.commands, this.#now, bounds);
    if (result.entry !== null) this.entries.push(structuredClone(result.entry));
    const replies = structuredClone(result.replies.map(withSortedRefusals));
    this.batches.push({ commands: move.commands, replies });
    const { epoch, seq } = this.lane;
    const expected = { status: 0, epoch, seq, why: '', now: this.#now, replies };
    this.steps.push({ kind: 'shop', call, commands: move.commands, expected });
  }

  #line(move: Extract<Move, { kind: 'line' }>): void {
    this.#wait(move.wait);
    const bounds = { ...noBounds, ...move.bounds };
    const asked = move.commands.map((c) => packLineCommand(c, 0));
    const call = this.#real.lineCall(move.commands, bounds);
    const result = runLineBatch(this.lane, move.commands, this.#now, bounds);
    if (result.entry !== null) this.entries.push(structuredClone(result.entry));
    const [replies, figures] = structuredClone([result.replies, result.figures] as const);
    this.lineBatches.push({ commands: move.commands, replies, figures });
    const { epoch, seq } = this.lane;
    const expected = { status: 0, epoch, seq, why: '', now: this.#now, replies, figures };
    this.steps.push({ kind: 'line', call, asked, expected });
  }

  #command(move: Extract<Move, { kind: 'command' }>): void {
    this.#wait(move.wait);
    const command = move.command(Math.max(1, this.lane.lastCommand + move.ahead), this.lane);
    const call = this.#real.commandCall(command);
    const { applied, entry } = runCommand(this.lane, command, this.#now);
    if (entry !== null) this.entries.push(structuredClone(entry));
    const expected = [0, this.lane.epoch, this.lane.seq, applied];
    this.steps.push({ kind: 'call', call, expected });
  }
}

/** Runs a history in both and compares. Answers what it has been through. */
export async function sideBySide(real: LuaLane, runId: string, sequence: Sequence): Promise<Seen> {
  const model = new ModelRun(real, runId);
  model.run(sequence);
  const answers = await send(real, runId, model.steps);
  model.steps.forEach((step, i) => {
    if (step.kind !== 'write') expect(readAnswer(step, answers[i])).toEqual(step.expected);
  });
  expect(await real.entries()).toEqual(model.entries);
  const found = await readLane(real.redis, real.lane, [flash, other]);
  expect(comparable(found.lane)).toEqual(comparable(model.lane));
  expect(found.dues).toEqual(duesOf(model.lane));
  const { batches, lineBatches, entries, lane } = model;
  return { batches, lineBatches, entries, lane };
}

async function send(real: LuaLane, runId: string, steps: readonly Step[]): Promise<unknown[]> {
  const pipeline = real.redis.pipeline();
  const queue = ({ script, keys, args }: Call): unknown =>
    pipeline.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args);
  queue(real.formatCall(runId));
  for (const step of steps) {
    if (step.kind === 'write') pipeline.hset(step.key, step.field, step.value);
    else queue(step.call);
  }
  const answers = (await pipeline.exec()) ?? [];
  return answers.slice(1).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}

function readAnswer(step: Exclude<Step, { kind: 'write' }>, answer: unknown): unknown {
  if (typeof answer === 'number') return answer;
  if (step.kind === 'call') return unpack(answer as Buffer);
  if (step.kind === 'line') return readLineAnswer(answer, step.asked);
  const read = readShopAnswer(answer, step.commands);
  return { ...read, replies: read.replies.map(withSortedRefusals) };
}

/** Lane time is written before every call here, so it is not the scripts' own. */
function comparable(lane: Lane): unknown {
  const sales = [...lane.sales.values()].map((sale) => ({
    ...sale,
    records: new Map([...sale.records].map(([shopper, r]) => [shopper, withSortedTail(r)])),
  }));
  return { ...lane, lastTime: 0, sales: new Map(sales.map((sale) => [sale.id, sale])) };
}

const duesOf = (lane: Lane): Map<string, number> =>
  new Map(
    [...lane.sales.values()].flatMap((sale): [string, number][] => {
      const first = sale.due[0];
      return first === undefined ? [] : [[sale.id, first.deadline]];
    }),
  );
