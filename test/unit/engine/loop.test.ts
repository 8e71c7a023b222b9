// The frame of all loops: when the next round comes.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { idle, startLoop, type Loop } from '../../../engine/loop.ts';
import { silent, until } from '../../support/environment.ts';

const forever = 3_600_000;
let loop: Loop | null = null;
let rounds = 0;

afterEach(() => loop?.close());

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
  await sleep(20);
  expect(rounds).toBe(4);
});

it('rests for longer when there was nothing to do', async () => {
  run([false, false, idle], 1, forever);
  await roundsAre(3);
  await sleep(30);
  expect(rounds).toBe(3);
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
