/**
 * What lanes count, for lists: remembered for a moment, so that a list of a hundred sales, asked
 * by everybody, is not a hundred questions to the lanes each time.
 */
import type { Engine, LaneSale, Millis, Outcome, SaleId } from '../engine/index.ts';

export const viewFreshMs = 500;
const viewsMax = 2000;

interface View {
  readonly at: Millis;
  readonly lane: Promise<LaneSale | null>;
}

/** Null where the lane cannot say, or knows of no such sale. */
export function laneOrNull(outcome: Outcome<LaneSale>): LaneSale | null {
  return outcome.kind === 'done' ? outcome.value : null;
}

export class LaneViews {
  readonly #engine: Engine;
  readonly #now: () => Millis;
  readonly #views = new Map<SaleId, View>();

  constructor(engine: Engine, now: () => Millis) {
    this.#engine = engine;
    this.#now = now;
  }

  /** At most half a second old. Never rejects. */
  view(id: SaleId): Promise<LaneSale | null> {
    const at = this.#now();
    const known = this.#views.get(id);
    if (known !== undefined && at - known.at < viewFreshMs) return known.lane;
    if (this.#views.size >= viewsMax) this.#views.clear();
    const lane = this.#engine.laneSale(id).then(laneOrNull, () => null);
    this.#views.set(id, { at, lane });
    return lane;
  }
}
