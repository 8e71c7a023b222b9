// The frame of all loops: when the next round comes.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goingRound, idle, startLoop, type Loop } from '../../../engine/loop.ts';
import { clock, replaceClock } from '../../../platform/clock.ts';
import { silent, until } from '../../support/environment.ts';

const forever = 3_600_000;
let loop: Loop | null = null;
let rounds = 0;
/** Of each pause that began, ms. */
let pauses: number[] = [];

const real = clock;
beforeEach(() => {
  pauses = [];
  replaceClock({
    ...real,
    after: (ms, call) => {
      pauses.push(ms);
      return real.after(ms, call);
    },
  });
});
afterEach(async () => {
  await loop?.close();
  replaceClock(real);
});

function run(answers: readonly unknown[], everyMs: number, idleMs?: number): void {
  rounds = 0;
  loop = startLoop({
    name: 'test',
    log: silent,
    everyMs,
    ...(idleMs === undefined ? {} : { idleMs }),
    round: () => {
      const answer = answers[Math.min(rounds, answers.length - 1)];
      rounds += 1;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
}

const roundsAre = (count: number): Promise<void> =>
  until(`${count} rounds`, () => Promise.resolve(rounds >= count));

it('goes on at once while there is more', async () => {
  run([true, true, true, false], forever);
  await roundsAre(4);
  expect(pauses).toEqual([forever]);
});

it('rests for longer when there was nothing to do', async () => {
  run([false, false, idle], 1, forever);
  await roundsAre(3);
  expect(pauses).toEqual([1, 1, forever]);
});

it('has one pause where none is named for idle rounds', async () => {
  run([idle], 1);
  await roundsAre(5);
});

it('is woken from either pause, and by a call during a round', async () => {
  run([idle, false], forever, forever);
  await roundsAre(1);
  loop?.wake();
  await roundsAre(2);
  loop?.wake();
  await roundsAre(3);
  // Called from outside of a pause: the next one is skipped.
  loop?.wake();
  loop?.wake();
  await roundsAre(5);
});

it('tries again after an error, however long its pause', async () => {
  run([new Error('away'), idle], forever);
  await roundsAre(2);
});

describe('going round, a page each time', () => {
  /** What each page held that was attended, and what the round answered. */
  const rounds = async (
    pages: readonly (readonly string[])[],
    attend: (page: readonly string[]) => Promise<boolean>,
  ): Promise<unknown[]> => {
    const asked: string[] = [];
    let at = 0;
    const round = goingRound({
      pageMax: 2,
      page: (after) => {
        asked.push(after);
        return Promise.resolve(pages[at++] ?? []);
      },
      idOf: (id: string) => id,
      attend,
    });
    const answers: unknown[] = [];
    for (const _ of pages) answers.push(await round().catch((error: unknown) => error));
    return asked.map((after, i) => [after, answers[i]]);
  };
  const finds = (page: readonly string[]): Promise<boolean> =>
    Promise.resolve(page.some((id) => id.endsWith('!')));

  it('begins anew after a page that is not full, and rests where none had anything to do', async () => {
    expect(await rounds([['a', 'b'], ['c', 'd'], ['e'], ['a']], finds)).toEqual([
      ['', true],
      ['b', true],
      ['d', idle],
      ['', idle],
    ]);
  });

  it('does not rest when an earlier page had something to do, and forgets that then', async () => {
    expect(await rounds([['a!', 'b'], ['c'], ['a', 'b'], []], finds)).toEqual([
      ['', true],
      ['b', false],
      ['', true],
      ['b', idle],
    ]);
  });

  it('goes on with the next page where one failed', async () => {
    const error = new Error('stuck');
    const attend = (page: readonly string[]): Promise<boolean> =>
      page.includes('stuck') ? Promise.reject(error) : finds(page);
    expect(await rounds([['a!', 'b'], ['c', 'stuck'], ['d']], attend)).toEqual([
      ['', true],
      ['b', error],
      ['stuck', false],
    ]);
  });
});
