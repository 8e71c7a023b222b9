// The admitter's pacing: its rate over time, slower when the lane is over a limit, up again slowly.
import { describe, expect, it } from 'vitest';
import {
  admitMax,
  firstPace,
  pace,
  paceLimits,
  ratePerSecondMax,
  spend,
  type Pace,
  type PaceSight,
} from '../../../../engine/domain/line/pace.ts';

const calm: Omit<PaceSight, 'now'> = { ratePerSecond: 100, holdP99Ms: 20, inDoubtAgeMs: 50 };
const late = { holdP99Ms: paceLimits.holdP99Ms + 1 };

/** Runs rounds of 100 ms, each admitting all that it may; how many, and the pace after. */
function run(
  from: Pace,
  seconds: number,
  sight: Partial<PaceSight> = {},
): { admitted: number; after: Pace } {
  let after = from;
  let admitted = 0;
  for (let ms = 100; ms <= seconds * 1000; ms += 100) {
    const round = pace(after, { ...calm, ...sight, now: from.at + ms });
    admitted += round.most;
    after = spend(round.pace, round.most);
  }
  return { admitted, after };
}

describe('pace', () => {
  it.each([0.5, 3, 100, 7000])('admits at the set rate of %f a second', (ratePerSecond) => {
    const { admitted } = run(firstPace(ratePerSecond, 5000), 60, { ratePerSecond });
    expect(Math.abs(admitted - ratePerSecond * 60)).toBeLessThanOrEqual(1 + ratePerSecond * 0.01);
  });

  it('without a rate goes as fast as its bounds', () => {
    const { admitted } = run(firstPace(null, 0), 10, { ratePerSecond: null });
    expect(admitted).toBeGreaterThan(ratePerSecondMax * 9);
    expect(admitted).toBeLessThanOrEqual(ratePerSecondMax * 10 + 1);
  });

  it('never lets a late round catch up more than a second’s worth, nor a batch too big', () => {
    expect(pace(firstPace(100, 0), { ...calm, now: 3_600_000 }).most).toBe(100);
    const fast = { ...calm, ratePerSecond: null, now: 3_600_000 };
    expect(pace(firstPace(null, 0), fast).most).toBe(admitMax);
  });

  it.each([
    { why: 'holds are late', sight: late },
    { why: 'too much is in doubt', sight: { inDoubtAgeMs: paceLimits.inDoubtAgeMs + 1 } },
    { why: 'nobody knows what is in doubt', sight: { inDoubtAgeMs: null } },
  ])('halves every second while $why, and never stands still', ({ sight }) => {
    const after3 = run(firstPace(100, 0), 3, sight).after;
    expect(after3.rate).toBeCloseTo(12.5);
    expect(run(after3, 60, sight).after.rate).toBe(1);
    expect(run(firstPace(0.05, 0), 60, { ...sight, ratePerSecond: 0.05 }).admitted).toBeGreaterThan(
      0,
    );
  });

  it('no hold lately is no reason to slow down', () => {
    expect(run(firstPace(100, 0), 5, { holdP99Ms: null }).after.rate).toBe(100);
  });

  it('comes up again slowly, and all the way', () => {
    const cut = run(firstPace(100, 0), 30, late).after;
    expect(run(cut, 5).after.rate).toBeCloseTo(26);
    expect(run(cut, 25).after.rate).toBe(100);
  });

  it('a clock that stands or jumps back gives nothing', () => {
    const { after } = run(firstPace(100, 5000), 1);
    expect(pace(after, { ...calm, now: after.at }).most).toBe(0);
    expect(pace(after, { ...calm, now: after.at - 1000 }).most).toBe(0);
  });

  it('what was not admitted stays for the next round', () => {
    const { pace: kept, most } = pace(firstPace(100, 0), { ...calm, now: 500 });
    expect(most).toBe(51);
    expect(pace(spend(kept, 20), { ...calm, now: 500 }).most).toBe(31);
  });

  it('a rate that is set lower counts at once', () => {
    expect(pace(firstPace(100, 0), { ...calm, ratePerSecond: 5, now: 100 }).pace.rate).toBe(5);
  });
});
