/**
 * The witness: while a run goes on, recounts what every lane has, from the raw keys of its Redis, each time
 * that something was decided since it looked last. At each of its looks units are conserved, none has two
 * owners or is free and owned, and nobody has more than their limit. What a lane says of itself is
 * compared with its own records only: what moves gave it is for the audit at the end.
 */
import { checkSaleUnits } from '../../engine/audit/check-units.ts';
import { Findings, type CheckName } from '../../engine/audit/findings.ts';
import { scanLane } from '../../engine/audit/lane-scan.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import type { Lab } from './lab.ts';
import type { Scene } from './plan.ts';

const lookMs = 200;
/** A run that is broken once is broken. */
const wrongMax = 5;
const judged = [
  'lane.records',
  'lane.counters',
  'lane.unique',
  'lane.limits',
  'lane.deadlines',
] as const satisfies readonly CheckName[];

/** What does not hold in a lane at this moment, in words; `atWork` = it has holds. */
export async function judgeLane(
  redis: Redis,
  lane: number,
): Promise<{ readonly wrong: string[]; readonly atWork: boolean }> {
  const findings = new Findings();
  const { sales, unreadable } = await scanLane(redis, lane, null, () => undefined);
  let held = 0;
  for (const { id, says } of unreadable) findings.of('lane.records').violate(id, says);
  for (const sale of sales.values()) {
    for (const { id, says } of sale.malformed) findings.of('lane.records').violate(id, says);
    checkSaleUnits(sale, null, findings);
    held += sale.terms.items.reduce((sum, item) => sum + item.held, 0);
  }
  const wrong = judged.flatMap((name) =>
    findings.of(name).shown.map(({ id, says }) => `${name} ${id}: ${says}`),
  );
  return { wrong, atWork: held > 0 };
}

export class Witness {
  readonly wrong: string[] = [];
  readonly #lab: Lab;
  readonly #scene: Scene;
  readonly #lanes: number;
  readonly #seen = new Map<number, string>();

  constructor(lab: Lab, scene: Scene, lanes: number) {
    this.#lab = lab;
    this.#scene = scene;
    this.#lanes = lanes;
  }

  /** Looks again and again, until the run ends. */
  watch(): void {
    const { scheduler } = this.#scene;
    scheduler.after(
      lookMs,
      async () => {
        for (let lane = 0; lane < this.#lanes; lane++) await this.#look(lane);
        if (this.wrong.length < wrongMax) this.watch();
      },
      scheduler.world,
    );
  }

  async #look(lane: number): Promise<void> {
    const { redis } = this.#lab;
    const { scheduler, faults } = this.#scene;
    const { marker, clock, frozen } = laneKeys(lane);
    const epoch = await redis.hget(marker, 'epoch');
    const flag = await redis.get(frozen);
    // A recovery makes a lane anew in many steps; until the last one nobody is served by it.
    if (epoch === null || flag?.startsWith('recover') === true) return;
    const head = `${epoch}-${await redis.hget(clock, 'seq')}`;
    if (this.#seen.get(lane) === head) return;
    this.#seen.set(lane, head);
    const { wrong, atWork } = await judgeLane(redis, lane);
    if (atWork) faults.count('a lane was judged at work');
    const at = scheduler.now.toFixed(0);
    this.wrong.push(...wrong.map((one) => `lane ${lane} at ${at} ms, ${head}: ${one}`));
  }
}
