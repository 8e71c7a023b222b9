// What `highnoon plan` says: the play follows from its arguments, and adds up.
import { describe, expect, it } from 'vitest';
import {
  linesOf,
  numberOf,
  outlookOf,
  sceneOf,
  seeded,
  type Asked,
} from '../../../engine/cli/outlook.ts';
import { simulate } from '../../../engine/domain/line/simulate.ts';

const asked: Asked = {
  shoppers: 5000,
  units: 1000,
  rate: 20,
  limit: 1,
  'turn-seconds': 60,
  factor: 1,
  'hold-seconds': 120,
  duration: 3600,
  'take-share': 0.9,
  'return-share': 0.1,
  'leave-share': 0,
  'think-seconds': 10,
  seed: 1,
};
const play = (of: Partial<Asked> = {}) => {
  const all = { ...asked, ...of };
  return outlookOf(simulate(sceneOf(all), seeded(all.seed)));
};

describe('plan', () => {
  it('sells every unit once, to the lowest numbers', () => {
    const outlook = play();
    expect(outlook.sold).toBe(1000);
    expect(outlook.buyers).toBe(1000);
    // A thousand turns at 20 a second are the least that it takes.
    expect(outlook.soldOutSeconds).toBeGreaterThan(50);
    expect(outlook.odds[0]?.share).toBeGreaterThan(0.7);
    expect(outlook.odds.at(-1)?.share).toBe(0);
    expect(outlook.waits?.longest).toBeLessThanOrEqual(outlook.soldOutSeconds ?? 0);
  });

  it('has the same answer for the same seed', () => {
    expect(play()).toEqual(play());
    expect(play({ seed: 2 })).not.toEqual(play());
  });

  it('does not sell out when nobody takes, or the sale ends before', () => {
    expect(play({ 'take-share': 0 })).toMatchObject({ sold: 0, soldOutSeconds: null, buyers: 0 });
    expect(play({ duration: 20 }).soldOutSeconds).toBeNull();
  });

  it('sells the last units too, when they are fewer than a limit', () => {
    expect(play({ units: 1001, limit: 4, 'return-share': 0 }).sold).toBe(1001);
  });

  it('draws the odds, ten lines, in a terminal’s width', () => {
    const lines = linesOf(asked, play());
    expect(lines.filter((line) => line.includes('█') || line.includes('····'))).toHaveLength(10);
    expect(lines[0]).toBe('5,000 shoppers, 1,000 units, 20 turns a second');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(110);
  });

  it.each([
    ['few units for many', { shoppers: 20_000 }],
    ['units for all', { shoppers: 900 }],
    ['fewer shoppers than rows', { shoppers: 3 }],
    ['nobody who buys', { 'take-share': 0 }],
  ] as [string, Partial<Asked>][])('has rows where the odds change: %s', (_, of) => {
    const { odds, buyers } = play(of);
    expect(odds.length).toBeLessThanOrEqual(10);
    expect(odds.filter(({ share }) => share === 0).length).toBeLessThanOrEqual(2);
    // They are all numbers, each in one row, and all buyers.
    expect(odds[0]?.from).toBe(1);
    expect(odds.at(-1)?.to).toBe(of.shoppers ?? asked.shoppers);
    for (const [i, { from }] of odds.entries()) {
      if (i > 0) expect(from).toBe((odds[i - 1]?.to ?? 0) + 1);
    }
    const all = odds.reduce((sum, { from, to, share }) => sum + share * (to - from + 1), 0);
    expect(Math.round(all)).toBe(buyers);
  });

  it.each([
    ['shoppers', ''],
    ['shoppers', '0'],
    ['shoppers', '1.5'],
    ['rate', '-1'],
    ['rate', '1e3'],
    ['take-share', '1.1'],
    ['limit', 'many'],
  ] as const)('--%s %j is refused by name', (name, text) => {
    expect(numberOf(name, text)).toContain(`--${name}`);
  });
});
