/** The cool-down of a shopper who takes holds and lets them go. */
import { batch, holdMs, saleOf, type Case, type Step } from './case.ts';
import { done, expired, held, hold, read, release, released, replayed } from './say.ts';

/** Takes and lets go at once. */
const takeAndRelease = (at: number, key: string): Step =>
  batch(
    at,
    [
      [hold(key), done('held', at, [1])],
      [release(key), done('released', at, [1])],
    ],
    [held(key, at, [1]), released(key, [1])],
  );

const waits = (at: number, key: string, ms: number): Step =>
  batch(at, [[hold(key), ['rate_limited', ms]]]);

/** Waits after the third, fourth, … hold let go. */
const waitsMs = [15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000];

function allWaits(): Step[] {
  const steps = [takeAndRelease(0, 'ann-1'), takeAndRelease(1, 'ann-2')];
  let at = 2;
  for (const [i, ms] of waitsMs.entries()) {
    steps.push(takeAndRelease(at, `ann-${i + 3}`));
    steps.push(waits(at, 'ann-0', ms), waits(at + ms - 1, 'ann-0', 1));
    at += ms;
  }
  return steps;
}

export const letGoCases: readonly Case[] = [
  {
    name: 'from the third hold let go the next one waits: 15 s, doubling to ten minutes',
    given: saleOf(),
    steps: allWaits(),
  },
  {
    name: 'a cool-down refuses new holds only, and only of this shopper',
    given: saleOf(),
    steps: [
      takeAndRelease(0, 'ann-1'),
      takeAndRelease(1, 'ann-2'),
      batch(
        2,
        [
          [hold('ann-3'), done('held', 2, [1])],
          [hold('ann-4'), done('held', 2, [2])],
          [release('ann-3'), done('released', 2, [1])],
          [hold('ann-5'), ['rate_limited', 15_000]],
          [hold('ann-4'), replayed('held', 2, [2])],
          [read('ann-4'), done('held', 2, [2])],
          [hold('bob-1'), done('held', 2, [1])],
        ],
        [
          held('ann-3', 2, [1]),
          held('ann-4', 2, [2]),
          released('ann-3', [1]),
          held('bob-1', 2, [1]),
        ],
      ),
    ],
  },
  {
    name: 'a hold that expires is let go too, and the hold that finds it waits at once',
    given: saleOf(),
    steps: [
      takeAndRelease(0, 'ann-1'),
      takeAndRelease(1, 'ann-2'),
      batch(2, [[hold('ann-3'), done('held', 2, [1])]], [held('ann-3', 2, [1])]),
      batch(
        holdMs + 2,
        [
          [hold('ann-4'), ['rate_limited', 15_000]],
          [hold('bob-1'), done('held', holdMs + 2, [1])],
        ],
        [expired('ann-3', [1]), held('bob-1', holdMs + 2, [1])],
      ),
    ],
  },
];
