/** Reconciler: shows the units of live sales and the quarantine, for metrics and alarms only. */
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
  let shown: ReadonlySet<SaleId> = new Set();
  const round = async (): Promise<void> => {
    const live = await look(db).catch((error: unknown) => {
      // Nothing is shown rather than what was so before.
      metrics.quarantined.reset();
      return error as Error;
    });
    // Units are the lanes' to tell: with Postgres away those of the sales that it named last.
    const now = live instanceof Error ? shown : live;
    for (const id of shown) if (!now.has(id)) hide(id);
    // At once, so that a lane answers them in one call.
    await Promise.all([...now].map((id) => show(shop, id)));
    shown = now;
    if (live instanceof Error) throw live;
  };
  return startLoop({ name: 'reconciler', log, everyMs, round });
}

/** Shows what is in quarantine. Answers the sales whose units are to be shown. */
async function look(db: Db): Promise<ReadonlySet<SaleId>> {
  const [quarantined, live] = await Promise.all([
    db.query<{ lane: number; events: number }>(
      `SELECT l.lane, count(q.lane)::int AS events
         FROM sale.lanes l LEFT JOIN sale.quarantine q ON q.lane = l.lane AND q.resolved_at IS NULL
        GROUP BY l.lane`,
      [],
      'reconciler_quarantined',
    ),
    db.query<{ id: SaleId }>(
      `SELECT id FROM sale.sales WHERE kind = 'flash' AND state IN ('live', 'paused', 'closing')
        ORDER BY starts_at DESC LIMIT ${salesShownMax}`,
      [],
      'reconciler_live',
    ),
  ]);
  for (const { lane, events } of quarantined) {
    metrics.quarantined.set({ lane: String(lane) }, events);
  }
  return new Set(live.map(({ id }) => id));
}

async function show(shop: Shop, id: SaleId): Promise<void> {
  const counts = await shop.count(id);
  if (counts.kind !== 'done') {
    hide(id);
    return;
  }
  for (const kind of kinds) {
    const units = counts.value.items.reduce((sum, item) => sum + item[kind], 0);
    metrics.saleUnits.set({ sale: id, kind }, units);
  }
}

function hide(id: SaleId): void {
  for (const kind of kinds) metrics.saleUnits.remove({ sale: id, kind });
}
