/**
 * Work on Postgres for shoppers, bounded: beyond so many at a time the next is refused at once
 * with 503, because a queue without end helps nobody.
 */
import { Fault, isRetryable } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { Ctx } from '../platform/http/route.ts';
import type { Changed } from './once.ts';
import { notYetMigrated } from './schema-wait.ts';

export const retryAfterMs = 1000;

export class Turns {
  readonly #most: number;
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws a retryable Fault when too much is going on, else what `work` throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) throw new Fault('catalog', 'too busy', { retryable: true });
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
    }
  }
}

const asBefore = { 'idempotent-replayed': 'true' } as const;

/** As `answering`, for a change: says whether the same key was answered before. */
export function answeringChange(ctx: Ctx, work: () => Promise<Changed>): Promise<void> {
  return answeringWith(ctx, async () => {
    const { document, replayed } = await work();
    ctx.reply(200, document, replayed ? asBefore : {});
  });
}

/** Answers with what `work` answers; a dependency that is away, or too much work, is 503. */
export function answering(ctx: Ctx, work: () => Promise<object>): Promise<void> {
  return answeringWith(ctx, async () => {
    ctx.reply(200, await work());
  });
}

async function answeringWith(ctx: Ctx, reply: () => Promise<void>): Promise<void> {
  try {
    await reply();
  } catch (caught) {
    const error = notYetMigrated(caught);
    if (!isRetryable(error)) {
      ctx.fail(error);
      return;
    }
    ctx.problem(problem('unavailable', 'This cannot be kept or read now.', { retryAfterMs }));
  }
}
