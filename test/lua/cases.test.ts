// The case table against the real scripts on a real Redis.
import { beforeAll, describe, expect, it } from 'vitest';
import { saleTag } from '../../engine/domain/ids.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { cases, givenAt } from './cases/all.ts';
import { noBounds, noon, type Step } from './cases/case.ts';
import { LuaLane } from './lab/lua-lane.ts';
import { withSortedRefusals } from './lab/wire.ts';

/** Drives one case: every step at its lane time, the outbox read after each. */
class CaseRun {
  #lane: LuaLane;
  #at = 0;
  #head: readonly [epoch: number, seq: number] = [0, -1];

  constructor(lane: LuaLane) {
    this.#lane = lane;
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'batch': {
        const now = await this.#setTime(step.at);
        const answer = await this.#lane.shop(step.commands, { ...noBounds, ...step.bounds });
        expect(answer.status).toBe(0);
        expect(answer.now).toBe(now);
        expect(answer.replies.map(withSortedRefusals)).toEqual(step.replies);
        await this.#expectEntry(step.groups, [answer.epoch, answer.seq]);
        return;
      }
      case 'line': {
        const now = await this.#setTime(step.at);
        const answer = await this.#lane.line(step.commands, { ...noBounds, ...step.bounds });
        expect(answer.status).toBe(0);
        expect(answer.now).toBe(now);
        expect(answer.replies).toEqual(step.replies);
        if (step.figures !== undefined) expect(answer.figures[0]).toEqual(step.figures);
        await this.#expectEntry(step.groups, [answer.epoch, answer.seq]);
        return;
      }
      case 'command': {
        await this.#setTime(step.at);
        const [status, epoch = 0, seq = 0, applied] = await this.#lane.command(step.command);
        expect([status, applied]).toEqual([0, step.applied]);
        await this.#expectEntry(step.groups, [epoch, seq]);
        return;
      }
      case 'restart':
        await this.#lane.beginEpoch(step.outageMs);
        return;
      case 'freeze': {
        const key = `{lane:${this.#lane.lane}}:s:${saleTag(step.sale)}`;
        await this.#lane.redis.hset(key, 'frz', 'a fault');
        return;
      }
      case 'settled': {
        const decided = await this.#lane.redis.hget(this.#lane.keys.clock, 'decided');
        await this.#lane.redis.hset(this.#lane.keys.watermark, 'decided', decided ?? '');
      }
    }
  }

  /** A lane's time never goes back, whatever its server's clock does. */
  async #setTime(at: number): Promise<number> {
    this.#at = Math.max(this.#at, noon + at);
    await this.#lane.setTime(this.#at);
    return this.#at;
  }

  async #expectEntry(groups: unknown, head: readonly [number, number]): Promise<void> {
    const entries = await this.#lane.entries(...this.#head);
    expect(entries.flatMap((entry) => entry.groups)).toEqual(groups);
    for (const entry of entries) {
      const count = entry.groups.reduce((sum, [, events]) => sum + events.length, 0);
      expect(entry).toMatchObject({ epoch: head[0], seq: head[1], at: this.#at, count });
    }
    this.#head = head;
  }

  async given(): Promise<void> {
    const last = (await this.#lane.entries()).at(-1);
    if (last !== undefined) this.#head = [last.epoch, last.seq];
  }
}

describe('the case table, in the scripts', () => {
  let server: TestRedis;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  it.each(cases.map((c, i) => [c.name, c, i] as const))('%s', async (_, { given, steps }, i) => {
    const lane = await LuaLane.format(server.redis, i);
    await lane.setTime(noon + givenAt);
    for (const command of given) await lane.command(command);
    const run = new CaseRun(lane);
    await run.given();
    for (const step of steps) await run.step(step);
  });
});
