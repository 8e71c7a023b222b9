// What waiting tickets are told, held against what became of them in seeded sales; and its edges.
import { describe, expect, it } from 'vitest';
import {
  chance,
  etaSeconds,
  noMemory,
  remember,
  roomOf,
  type LineLook,
} from '../../../../engine/domain/line/estimate.ts';
import { tellAll, type Told } from './seeded-sales.ts';

const sales = 400;
/** A tenth with fewer tickets than this says nothing. */
const ticketsMin = 60;

const within = ({ eta, waited }: Told): boolean =>
  eta !== null && waited !== null && waited >= eta[0] && waited <= eta[1];

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe('over seeded sales', () => {
  const all: Told[] = [];
  for (let seed = 1; seed <= sales; seed++) all.push(...tellAll(seed));
  const ranged = all.filter(({ eta }) => eta !== null);

  it.each([
    { who: 'all', tickets: ranged },
    { who: 'those whom the free units cover', tickets: ranged.filter((t) => t.covered) },
    { who: 'those who need something to come free', tickets: ranged.filter((t) => !t.covered) },
  ])('the true wait of $who lies within the range, which is not too wide', ({ tickets }) => {
    expect(tickets.length).toBeGreaterThan(500);
    // A ticket that was given a range and never came to its turn counts as outside.
    expect(tickets.filter(within).length / tickets.length).toBeGreaterThanOrEqual(0.8);
    const widths = tickets.map(({ eta }) => (eta?.[1] ?? 0) / Math.max(1, eta?.[0] ?? 0));
    const median = widths.sort((a, b) => a - b)[widths.length >> 1] ?? 0;
    expect(median).toBeLessThanOrEqual(3);
  });

  it('says a range to everybody whom the free units cover', () => {
    const covered = all.filter((t) => t.covered);
    expect(covered.length).toBeGreaterThan(1000);
    expect(covered.every(({ eta }) => eta !== null)).toBe(true);
  });

  it.each(Array.from({ length: 10 }, (_, tenth) => tenth))(
    'chances of the tenth from 0.%i on come true within 10 points',
    (tenth) => {
      const tickets = all.filter((t) => Math.min(9, Math.floor(t.chance * 10)) === tenth);
      expect(tickets.length).toBeGreaterThanOrEqual(ticketsMin);
      const said = mean(tickets.map((t) => t.chance));
      const got = mean(tickets.map((t) => (t.waited === null ? 0 : 1)));
      expect(Math.abs(said - got), `said ${said}, got ${got}`).toBeLessThanOrEqual(0.1);
    },
  );
});

const calm: LineLook = {
  at: 1_000_000,
  moving: true,
  admissions: 0,
  open: 0,
  claims: 0,
  available: 100,
  held: 0,
  sold: 0,
  returned: 0,
  limit: 1,
  turnMs: 120_000,
  holdMs: 300_000,
  factorPercent: 100,
  ratePerSecond: 10,
  endsAt: null,
};

describe('at the edges', () => {
  it('whoever the free units cover has a certain chance', () => {
    expect(chance(0, calm, noMemory)).toBe(1);
    expect(chance(99, calm, noMemory)).toBe(1);
    expect(chance(100, calm, noMemory)).toBeLessThan(1);
  });

  it('with nothing free and nothing held there is no chance and no range', () => {
    const over = { ...calm, available: 0, sold: 100, admissions: 100 };
    expect(chance(0, over, noMemory)).toBe(0);
    expect(etaSeconds(0, over, noMemory)).toBeNull();
  });

  it('while the sale is paused there is no range, and the chance is as it was', () => {
    const paused = { ...calm, moving: false };
    expect(etaSeconds(0, calm, noMemory)).not.toBeNull();
    expect(etaSeconds(0, paused, noMemory)).toBeNull();
    expect(chance(0, paused, noMemory)).toBe(1);
  });

  it('a sale that ends before the ticket’s turn gives it no chance', () => {
    expect(chance(50, { ...calm, endsAt: calm.at + 2000 }, noMemory)).toBe(0);
  });

  it('chances fall with every ticket ahead', () => {
    const told = Array.from({ length: 400 }, (_, ahead) => chance(ahead, calm, noMemory));
    expect(told).toEqual([...told].sort((a, b) => b - a));
    expect(Math.min(...told)).toBeGreaterThanOrEqual(0);
  });

  it('ranges are whole seconds, the second above the first', () => {
    for (const ahead of [0, 1, 10, 99]) {
      const [low, high] = etaSeconds(ahead, calm, noMemory) ?? [0, 0];
      expect(Number.isInteger(low) && Number.isInteger(high) && low < high).toBe(true);
      expect(low).toBeLessThanOrEqual((ahead + 1) / 10);
      expect(high).toBeGreaterThanOrEqual((ahead + 1) / 10);
    }
  });

  it('claims take room, and a factor above one makes some', () => {
    expect(roomOf({ ...calm, claims: 40, limit: 2 })).toBe(30);
    expect(roomOf({ ...calm, claims: 100, factorPercent: 150 })).toBe(50);
    expect(roomOf({ ...calm, claims: 200 })).toBe(0);
  });

  it('the memory is bounded, and a line that begins anew forgets', () => {
    let memory = noMemory;
    for (let s = 0; s < 4000; s++) {
      memory = remember(memory, { ...calm, at: calm.at + s * 250, admissions: s });
    }
    expect(memory.recent.length).toBeLessThan(20);
    expect(memory.long.length).toBeLessThan(40);
    expect(remember(memory, calm)).toEqual({ recent: [calm], long: [calm] });
  });
});
