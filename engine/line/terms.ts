/** The terms of a sale's line: as its documents show them, as Postgres keeps them, as its lane does. */
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import type { Admission } from '../engine.ts';
import { lineModes } from '../lanes/codes.ts';

/** Ninth element of an `install` of a sale with a line: see lua/command.lua. */
export type InstalledLine = readonly [
  mode: number,
  turnMs: number,
  factorPercent: number,
  lineMax: number,
];

/** A sale without a line; its turns and factor are also what a line has unless it is said. */
export const noLine: Admission = { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 };

/** Null = the sale has no line. */
export function lineTerms(admission: Admission, lineMax: number): InstalledLine | null {
  if (admission.mode === 'open') return null;
  const { mode, turnSeconds, factor } = admission;
  return [lineModes.indexOf(mode), turnSeconds * 1000, Math.round(factor * 100), lineMax];
}

/** As `sale.sales.admission` keeps it and a sale's document shows it. */
export function admissionJson(
  admission: Admission,
  beacon: string | null,
): Record<string, unknown> {
  if (admission.mode === 'open') return { mode: 'open' };
  const { mode, ratePerSecond, turnSeconds, factor } = admission;
  const terms = { mode, rate_per_second: ratePerSecond, turn_seconds: turnSeconds, factor };
  return beacon === null ? terms : { ...terms, beacon };
}

/** The row of a line: none for an open sale. */
export async function insertLine(
  q: Query,
  sale: SaleId,
  admission: Admission,
  lineMax: number,
  beacon: string | null,
): Promise<void> {
  if (admission.mode === 'open') return;
  const { mode, ratePerSecond, turnSeconds, factor } = admission;
  await q.run(
    `INSERT INTO sale.lines (sale_id, lane, mode, rate_per_second, turn_seconds, factor, line_max,
                             beacon_source)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [sale, laneOfId(sale), mode, ratePerSecond, turnSeconds, factor, lineMax, beacon],
  );
}
