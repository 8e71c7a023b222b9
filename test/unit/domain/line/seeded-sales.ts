// Seeded sales with a line for the tests of the estimates: what tickets were told, what became of them.
import { chance, etaSeconds, noMemory, remember } from '../../../../engine/domain/line/estimate.ts';
import { simulate, type Scene } from '../../../../engine/domain/line/simulate.ts';
import { Rng } from '../../../support/rng.ts';

/** What one ticket was told at one moment, and what came of it. */
export interface Told {
  readonly eta: readonly [number, number] | null;
  readonly chance: number;
  /** The free units covered it. */
  readonly covered: boolean;
  /** Seconds from then to its turn; null = it never came. */
  readonly waited: number | null;
}

/** A lane with spells in which holds are late. */
function spells(rng: Rng): Scene['lane'] {
  const calm = { holdP99Ms: 20, inDoubtAgeMs: 100 };
  if (rng.chance(0.5)) return () => calm;
  const everyMs = rng.whole(60_000, 300_000);
  const lateMs = rng.whole(1000, 8000);
  const shift = rng.whole(0, everyMs);
  return (ms) => ((ms + shift) % everyMs < lateMs ? { ...calm, holdP99Ms: 900 } : calm);
}

export function sceneOf(rng: Rng): Scene {
  const limit = rng.pick([1, 1, 1, 2, 4]);
  const shoppers = rng.whole(200, 4000);
  return {
    shoppers,
    limit,
    units: Math.max(limit, Math.round(shoppers * limit * (0.05 + rng.next() * 1.1))),
    ratePerSecond: rng.pick([null, null, 2, 5, 10, 20, 50]),
    turnMs: rng.pick([60_000, 120_000, 300_000]),
    factorPercent: rng.pick([100, 100, 100, 120, 150]),
    holdMs: rng.pick([120_000, 300_000]),
    durationMs: 3_600_000,
    takeShare: 0.4 + rng.next() * 0.6,
    returnShare: rng.next() * 0.25,
    thinkMs: rng.whole(5000, 40_000),
    leaveShare: rng.next() * 0.2,
    roundMs: 250,
    lane: spells(rng),
  };
}

/** Plays one sale and asks for some tickets at some moments. */
export function tellAll(seed: number): Told[] {
  const rng = new Rng(seed);
  const scene = sceneOf(rng);
  const asked: { index: number; at: number; told: Omit<Told, 'waited'> }[] = [];
  let memory = noMemory;
  let next = rng.whole(0, 20_000);
  const course = simulate(
    scene,
    () => rng.next(),
    (look, first, leavesAt) => {
      memory = remember(memory, look);
      if (look.at < next || first >= scene.shoppers) return;
      next = look.at + rng.whole(5000, 120_000);
      for (let i = 0; i < 3; i++) {
        const index = rng.whole(first, scene.shoppers - 1);
        if ((leavesAt[index] ?? 0) < Number.POSITIVE_INFINITY) continue;
        let ahead = 0;
        for (let n = first; n < index; n++) if ((leavesAt[n] ?? 0) > look.at) ahead += 1;
        const room = Math.floor((look.available - look.claims) / look.limit);
        const told = {
          eta: etaSeconds(ahead, look, memory),
          chance: chance(ahead, look, memory),
          covered: ahead < room,
        };
        asked.push({ index, at: look.at, told });
      }
    },
  );
  return asked.map(({ index, at, told }) => {
    const admitted = course.admittedAt[index] ?? Number.NaN;
    return { ...told, waited: Number.isNaN(admitted) ? null : (admitted - at) / 1000 };
  });
}
