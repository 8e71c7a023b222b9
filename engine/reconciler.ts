/**
 * Reconciler: compares the stores and shows live sales, for metrics and alarms only. It repairs
 * nothing.
 */
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/db.ts';
import type { SaleId } from './domain/types.ts';
import { startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

const everyMs = 1000;
const salesShownMax = 50;
const kinds = ['allotted', 'available', 'held', 'sold'] as const;

export function startReconciler(options: {
  readonly db: Db;
  readonly shop: Shop;
  readonly log: Log;
}): Loop {
  const { db, shop, log } = options;
  let shown = new Set<SaleId>();
  const round = async (): Promise<void> => {
    const quarantined = await db.query<{ lane: number; events: number }>(
      `SELECT l.lane, count(q.lane)::int AS events
         FROM sale.lanes l LEFT JOIN sale.quarantine q ON q.lane = l.lane AND q.resolved_at IS NULL
        GROUP BY l.lane`,
    );
    for (const { lane, events } of quarantined) {
      metrics.quarantined.set({ lane: String(lane) }, events);
    }
    const live = await db.query<{ id: SaleId }>(
      `SELECT id FROM sale.sales WHERE kind = 'flash' AND state IN ('live', 'paused', 'closing')
        ORDER BY starts_at DESC LIMIT ${salesShownMax}`,
    );
    for (const { id } of live) {
      const counts = await shop.count(id);
      if (counts.kind !== 'done') continue;
      for (const kind of kinds) {
        const units = counts.value.items.reduce((sum, item) => sum + item[kind], 0);
        metrics.saleUnits.set({ sale: id, kind }, units);
      }
    }
    const now = new Set(live.map((s) => s.id));
    for (const id of shown) {
      if (!now.has(id)) for (const kind of kinds) metrics.saleUnits.remove({ sale: id, kind });
    }
    shown = now;
  };
  return startLoop({ name: 'reconciler', log, everyMs, round });
}
