/** The operator: sees by the raw stores what is frozen or still on its way, and recovers what is frozen. */
import { readLaneState } from '../../engine/audit/lane-scan.ts';
import { compare, type Position } from '../../engine/audit/positions.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import type { Lab } from './lab.ts';
import type { Scene } from './plan.ts';

const lookMs = 400;
const recoverAgainMs = 6000;

interface Row extends Position {
  readonly lane: number;
  readonly state: string;
  readonly reasons: unknown;
  readonly token: string | null;
  readonly open: number;
  readonly waiting: number;
  readonly away: number;
}

export class Operator {
  readonly #lab: Lab;
  readonly #scene: Scene;
  #recoveredAt = new Map<number, number>();
  /** Since when a recovery has been under way, by lane. */
  readonly #begun = new Map<number, { readonly token: string; readonly at: number }>();

  constructor(lab: Lab, scene: Scene) {
    this.#lab = lab;
    this.#scene = scene;
  }

  /** Runs `recover` on whatever is frozen or has lost its marker, a while after that. */
  watch(): void {
    const { scheduler, faults, crew } = this.#scene;
    scheduler.after(
      lookMs * (1 + scheduler.rng.next() * 4),
      async () => {
        for (const row of await this.#rows()) {
          const { lane } = row;
          const since = scheduler.now - (this.#recoveredAt.get(lane) ?? -Infinity);
          if (since < recoverAgainMs || !(await this.#isFrozen(row))) continue;
          this.#recoveredAt.set(lane, scheduler.now);
          faults.count('frozen');
          crew.recover(lane);
        }
        this.watch();
      },
      scheduler.world,
    );
  }

  /**
   * Postgres says so; or Redis came back as it was within a recovery that is over, and keeps the lane
   * shut by that one's flag: only another recovery ends it.
   */
  async #isFrozen({ lane, state, token }: Row): Promise<boolean> {
    if (state === 'frozen' || this.#isStuck(lane, token)) return true;
    const flag = await this.#lab.redis.get(laneKeys(lane).frozen);
    return token === null && (flag ?? '').startsWith('recover');
  }

  /** A recovery that has been under way for so long has died, or never knew that it had begun. */
  #isStuck(lane: number, token: string | null): boolean {
    const { now } = this.#scene.scheduler;
    const begun = this.#begun.get(lane);
    if (token === null) this.#begun.delete(lane);
    else if (begun?.token !== token) this.#begun.set(lane, { token, at: now });
    else return now - begun.at >= recoverAgainMs;
    return false;
  }

  /**
   * Resolves when all has settled, every sale has ended and every hold that is not of standing ones alone, and
   * every lane serves.
   */
  async untilQuiet(sales: readonly string[]): Promise<void> {
    const { scheduler } = this.#scene;
    for (;;) {
      let left: readonly string[] = [];
      await new Promise<void>((resolve) =>
        scheduler.after(
          lookMs,
          async () => {
            left = await this.#left(sales);
            resolve();
          },
          scheduler.world,
        ),
      );
      if (left.length === 0) return;
    }
  }

  /** What is not as it should be at the end, in words. */
  async report(): Promise<string[]> {
    const lanes = await this.#rows();
    return [...(await this.#left([])), ...lanes.map((row) => JSON.stringify(row))];
  }

  async #rows(): Promise<Row[]> {
    return this.#lab.db.query<Row>(
      `SELECT l.lane, l.state, l.reasons, l.token, w.epoch, w.seq,
              (SELECT count(*) FROM sale.lane_commands c
                WHERE c.lane = l.lane AND c.outcome IS NULL) AS open,
              (SELECT count(*) FROM platform.outbox WHERE published_at IS NULL) AS waiting,
              (SELECT count(*) FROM sale.quarantine q WHERE q.lane = l.lane) AS away
         FROM sale.lanes l JOIN sale.watermarks w USING (lane) ORDER BY l.lane`,
    );
  }

  async #left(sales: readonly string[]): Promise<string[]> {
    const { db, redis } = this.#lab;
    const left: string[] = [];
    for (const row of await this.#rows()) {
      const { head, watermark } = await readLaneState(redis, row.lane);
      if (watermark === null || compare(watermark, row) !== 0) {
        left.push(`lane ${row.lane} has an old copy of its watermark`);
      }
      const verified = await redis.get(laneKeys(row.lane).verifiedRun);
      if (verified !== this.#scene.stores.redis.runId) {
        left.push(`lane ${row.lane} is not verified`);
      }
      if (row.state !== 'open') left.push(`lane ${row.lane} is ${row.state}`);
      if (row.token !== null) left.push(`lane ${row.lane} is being recovered`);
      if (row.open > 0) left.push(`${row.open} lane commands`);
      if (row.waiting > 0) left.push(`${row.waiting} events to publish`);
      if (head === null) left.push(`lane ${row.lane} has no marker`);
      else if (head.seq >= 0 && compare(row, head) < 0) {
        left.push(`lane ${row.lane} has not settled`);
      }
    }
    const open = await db.query<{ id: string; state: string }>(
      `SELECT id, state FROM sale.sales WHERE id = ANY($1) AND state <> 'closed'
       UNION ALL SELECT o.id, o.state FROM sale.orders o WHERE o.state = 'held'
          AND ('sal_' || substr(o.id, 5, 16) = ANY($1) OR EXISTS (
            SELECT 1 FROM sale.order_lines l JOIN sale.order_lines m ON m.home = l.home
             WHERE l.order_id = o.id AND 'sal_' || substr(m.order_id, 5, 16) = ANY($1)))`,
      [sales],
    );
    return [...left, ...open.map(({ id, state }) => `${id} is ${state}`)];
  }
}
