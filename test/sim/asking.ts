/** How everybody asks: again until there is a true answer, every telling written down. */
import type { Outcome } from '../../engine/domain/types.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Crew } from './crew.ts';
import type { History, Telling } from './history.ts';
import type { Scheduler } from './scheduler.ts';

const askAgainMs = 10_000;
const pauseMs = 120;

export interface Place {
  readonly scheduler: Scheduler;
  readonly crew: Crew;
  readonly history: History;
}

/** Asks until there is a true answer, for so long, and writes down every telling. */
export async function askUntilTrue<T>(
  { scheduler, crew }: Place,
  asked: { readonly kind: string; readonly key: string; readonly tellings: Telling<T>[] },
  run: (engine: Engine) => Promise<Outcome<T>>,
): Promise<Outcome<T> | null> {
  const until = scheduler.now + askAgainMs;
  for (;;) {
    const askedAt = scheduler.now;
    const outcome = await crew.ask(run);
    asked.tellings.push({ askedAt, toldAt: scheduler.now, outcome });
    scheduler.note(() => `${asked.kind} ${asked.key} ${JSON.stringify(outcome)}`);
    if (isTrue(outcome) || scheduler.now > until) return outcome;
    await scheduler.sleep(pauseMs * (0.5 + scheduler.rng.next()));
  }
}

/** A refusal or a success: what is neither may have had an effect, or may yet have one. */
export const isTrue = (outcome: Outcome<unknown> | null): boolean =>
  outcome !== null && (outcome.kind === 'done' || outcome.kind === 'rejected');
