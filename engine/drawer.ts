/**
 * Drawer: once a bell has settled it shows the seed, draws the numbers and sees that the lane has
 * them. Level-triggered, each step a transaction of its own: whoever comes after a dead one goes on
 * where it was, and R alone decides the numbers, so two at once draw the same.
 */
import { crashPoint } from '../platform/crash.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import type { SaleId } from './domain/types.ts';
import { Beacons, type Beacon } from './line/beacons.ts';
import { resultOf } from './line/draw.ts';
import { drawNumbers, writeCommands } from './line/numbers.ts';
import { goingRound, startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

export interface DrawerOptions {
  readonly db: Db;
  readonly shop: Shop;
  readonly log: Log;
  /** Asked for sales whose creation named a round; undefined = there are none. */
  readonly beacon?: Beacon;
  readonly onCommands: (lanes: readonly number[]) => void;
}

const everyMs = 100;
/** A bell that this worker settles wakes it; others are looked for. */
const idleMs = 500;
const linesPerRoundMax = 50;
/** A million tickets take some seconds. */
const drawMs = 120_000;
/** Sets our lock of a sale's draw apart from other locks by its id. */
const drawLock = 0x64726177;

interface Line {
  readonly sale_id: SaleId;
  readonly bell_n: number;
  readonly bell_at: number;
  readonly root: Buffer;
  readonly seed: Buffer;
  readonly beacon_source: string | null;
  readonly beacon: Buffer | null;
  readonly shown: boolean;
  readonly drawn: boolean;
}

const lineSql = `
  SELECT l.sale_id, l.bell_n, l.bell_at, l.root, s.seed, l.beacon_source, l.beacon,
         l.seed_shown_at IS NOT NULL AS shown, l.drawn_at IS NOT NULL AS drawn
    FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id`;

export function startDrawer(options: DrawerOptions): Loop {
  const { log } = options;
  const beacons = new Beacons(options.beacon, log);
  const round = goingRound<Line>({
    pageMax: linesPerRoundMax,
    page: (after) =>
      options.db.query(
        `${lineSql} WHERE l.bell_n IS NOT NULL AND l.numbered_at IS NULL AND l.sale_id > $1
          ORDER BY l.sale_id LIMIT ${linesPerRoundMax}`,
        [after],
        'lines_undrawn',
      ),
    idOf: (line) => line.sale_id,
    attend: async (lines) => {
      const failed: unknown[] = [];
      // One that cannot be drawn must not keep the others waiting.
      for (const line of lines) {
        await advance(options, beacons, line).catch((e: unknown) => failed.push(e));
      }
      if (failed.length > 0) throw failed[0];
      return lines.length > 0;
    },
  });
  return startLoop({ name: 'drawer', log, everyMs, idleMs, round });
}

/** Takes a line as far as it goes now. */
async function advance(options: DrawerOptions, beacons: Beacons, line: Line): Promise<void> {
  const { db, onCommands } = options;
  if (!line.shown && !(await showSeed(options, beacons, line))) return;
  if (!line.drawn) {
    const lanes = await db.tx((q) => draw(q, line.sale_id), { timeoutMs: drawMs });
    crashPoint('drawer.drawn');
    onCommands(lanes);
    return;
  }
  await giveAgain(options, line.sale_id);
}

/**
 * The root has been public since the bell settled: only now is the seed. Answers false while the
 * beacon is not there.
 */
async function showSeed({ db }: DrawerOptions, beacons: Beacons, line: Line): Promise<boolean> {
  const { beacon_source: source, bell_at: bellAt } = line;
  const value = source === null ? new Uint8Array(0) : beacons.of(source, bellAt);
  if (value === null) return false;
  await db.run(
    `UPDATE sale.lines SET beacon = $2, seed_shown_at = now()
      WHERE sale_id = $1 AND seed_shown_at IS NULL`,
    [line.sale_id, Buffer.from(value)],
  );
  crashPoint('drawer.shown');
  return true;
}

/**
 * Draws, unless somebody was faster. Answers the lanes to wake. What keeps two drawers apart is a lock
 * of their own: the line's row, which the settler needs for every join, is taken only at the end.
 */
async function draw(q: Query, sale: SaleId): Promise<readonly number[]> {
  await q.query('SELECT pg_advisory_xact_lock(hashtextextended($1, $2))', [sale, drawLock]);
  const [line] = await q.query<Line>(`${lineSql} WHERE l.sale_id = $1`, [sale]);
  if (line === undefined || line.drawn || line.beacon === null) return [];
  await drawNumbers(q, sale, resultOf(line.seed, line.root, line.beacon), line.bell_n);
  // With nobody in line the bell itself has numbered it.
  await q.run(
    `UPDATE sale.lines SET drawn_at = now(),
            numbered_at = CASE WHEN bell_n = 0 THEN bell_at ELSE numbered_at END
      WHERE sale_id = $1`,
    [sale],
  );
  const lanes = await writeCommands(q, sale);
  metrics.lineDrawn.inc(line.bell_n);
  return lanes;
}

/** Chunks that a frozen sale refused are written again when it takes commands again. */
async function giveAgain({ db, shop, onCommands }: DrawerOptions, sale: SaleId): Promise<void> {
  const [refused] = await db.query(
    `SELECT 1 FROM sale.line_numbers n
      WHERE sale_id = $1 AND NOT given AND NOT EXISTS (
              SELECT 1 FROM sale.lane_commands c
               WHERE c.sale_id = $1 AND c.kind = 'numbers' AND c.outcome IS NULL) LIMIT 1`,
    [sale],
    'numbers_refused',
  );
  if (refused === undefined || (await shop.count(sale)).kind !== 'done') return;
  const lanes = await db.tx(async (q) => {
    await q.query('SELECT 1 FROM sale.lines WHERE sale_id = $1 FOR UPDATE', [sale]);
    return writeCommands(q, sale);
  });
  onCommands(lanes);
}
