/** Checks each lane as a whole: open, its watermark, what is in doubt, its commands. */
import { createHash } from 'node:crypto';
import type { Query } from '../../platform/postgres/db.ts';
import type { Findings } from './findings.ts';
import type { LaneLog } from './lane-log.ts';
import type { LaneReading } from './lane-scan.ts';
import { compare, countOf, nameOf, spansBetween, type Position } from './positions.ts';
import type { LaneRow } from './tables.ts';

/** Of what this audit can read. */
const schema = 4;

export interface LaneContext {
  readonly lane: number;
  readonly lanes: number;
  readonly idSecret: string;
  /** In the snapshot, and after everything of Redis was read. */
  readonly before: LaneRow;
  readonly after: LaneRow;
  readonly reading: LaneReading;
  readonly log: LaneLog;
  /** The lane's head and last command when the audit began. */
  readonly head: Position | null;
  readonly issued: number;
}

export function checkOpen(context: LaneContext, findings: Findings): void {
  const { lane, lanes, idSecret, before, after, reading } = context;
  const check = findings.of('lane.open');
  check.checked += 1;
  const id = `lane ${lane}`;
  const { marker, frozen, runId, verifiedRun, ends } = reading.state;
  if (after.state !== 'open') {
    const why = after.reasons.map(({ code, detail }) => `${code}: ${detail}`).join('; ');
    check.violate(id, `${after.state} in Postgres${why === '' ? '' : `: ${why}`}`);
  }
  if (frozen !== null) check.violate(id, `frozen in Redis: ${frozen}`);
  if (after.token !== null) check.violate(id, 'a recovery is under way');
  for (const { terms } of reading.sales.values()) {
    if (terms.frozen !== '') check.violate(terms.id, `the sale is frozen: ${terms.frozen}`);
  }
  if (marker === null) {
    check.violate(id, 'has no marker');
    return;
  }
  const deployment = createHash('sha256').update(idSecret).digest('hex').slice(0, 16);
  for (const [name, wanted] of [
    ['lane', lane],
    ['lanes', lanes],
    ['schema', schema],
    ['deployment', deployment],
    ['recovered', after.recovered],
  ] as const) {
    const has = marker[name] ?? 'none';
    if (has !== String(wanted)) check.violate(id, `its marker says ${name} ${has}, not ${wanted}`);
  }
  const epoch = Number(marker['epoch']);
  if (epoch !== before.epoch && epoch !== after.epoch) {
    check.violate(id, `epoch ${epoch} in Redis, ${after.epoch} in Postgres`);
  }
  for (const [name, has] of [
    ['verified for', verifiedRun],
    ['in Postgres begun for', after.run_id],
  ] as const) {
    if (has !== runId) check.violate(id, `${name} server ${has ?? 'none'}, Redis is ${runId}`);
  }
  for (const [ended, end] of ends) {
    if (after.ends.get(ended) === end) continue;
    const wanted = after.ends.get(ended) ?? 'none';
    check.violate(id, `epoch ${ended} ended at ${end} in Redis, at ${wanted} in Postgres`);
  }
}

export function checkWatermark(context: LaneContext, findings: Findings): void {
  const { lane, before, after, reading, log, head } = context;
  const check = findings.of('lane.watermark');
  check.checked += 1;
  const id = `lane ${lane}`;
  const { state } = reading;
  const settled = after.watermark;
  if (state.head === null || state.decided === null) {
    check.violate(id, 'has no clock');
    return;
  }
  if (compare(settled, log.bounds.head) > 0) {
    check.violate(id, `Postgres is at ${nameOf(settled)}, the head ${nameOf(log.bounds.head)}`);
  }
  if (state.watermark === null) {
    check.violate(id, 'has no copy of the watermark');
  } else if (compare(state.watermark, settled) > 0) {
    check.violate(
      id,
      `its copy ${nameOf(state.watermark)} is beyond Postgres's ${nameOf(settled)}`,
    );
  } else {
    if (compare(state.watermark, settled) === 0 && state.watermark.decided !== settled.decided) {
      const { decided } = state.watermark;
      check.violate(id, `its copy counts ${decided} decisions, Postgres ${settled.decided}`);
    }
    const behind = head === null ? 0 : countOf(spansBetween(state.watermark, head, after.ends));
    if (behind > 0 && compare(settled, state.watermark) > 0) {
      check.violate(id, `its copy ${nameOf(state.watermark)} stays behind ${nameOf(settled)}`);
    }
  }
  const doubtful = log.tailCounts
    .filter(({ place }) => state.head !== null && compare(place, state.head) <= 0)
    .reduce((sum, { count }) => sum + count, 0);
  const recounted = before.watermark.decided + before.putAway + doubtful;
  if (state.decided !== recounted) {
    check.violate(id, `counts ${state.decided} decisions, the log and Postgres ${recounted}`);
  }
}

export function checkDoubt({ lane, after, head }: LaneContext, findings: Findings): void {
  const check = findings.of('lane.doubt');
  check.checked += 1;
  if (head === null) return;
  const unsettled = countOf(spansBetween(after.watermark, head, after.ends));
  if (unsettled === 0) return;
  const says = `${unsettled} entries up to ${nameOf(head)} have not settled`;
  check.violate(`lane ${lane}`, `${says}, the watermark is ${nameOf(after.watermark)}`);
}

interface CommandRow {
  readonly number: number;
  readonly kind: string;
  readonly sale_id: string;
  readonly type: string | null;
  readonly ok: boolean | null;
}

export async function checkCommands(
  q: Query,
  context: LaneContext,
  findings: Findings,
): Promise<void> {
  const { lane, before, after, reading, log, issued } = context;
  const check = findings.of('lane.commands');
  const id = (number: number): string => `lane ${lane} command ${number}`;
  const rows = await q.query<CommandRow>(
    `SELECT number, kind, sale_id, outcome->>'type' AS type, (outcome->>'ok')::boolean AS ok
       FROM sale.lane_commands WHERE lane = $1 ORDER BY number`,
    [lane],
  );
  const refused = await readRefused(q, lane);
  let settled = 0;
  for (const [i, row] of rows.entries()) {
    check.checked += 1;
    if (row.number !== i + 1) {
      check.violate(id(i + 1), `is missing: the next is ${row.number}`);
      return;
    }
    if (row.type === null) {
      if (row.number <= issued) check.violate(id(row.number), `${row.kind} has no outcome`);
    } else if (settled === i) settled += 1;
    else check.violate(id(row.number), 'has an outcome before the one before it');
    const fact = log.commands.get(row.number);
    if (row.type === null || fact === undefined || refused.has(row.number)) continue;
    if (fact.kind !== row.type || fact.ok !== row.ok || fact.sale !== row.sale_id) {
      const said = `${fact.kind} ${fact.ok ? 'ok' : 'refused'} for ${fact.sale}`;
      check.violate(id(row.number), `${row.type}, ok ${row.ok ?? '?'} in Postgres, log: ${said}`);
    }
  }
  if (rows.length !== before.last_command) {
    check.violate(`lane ${lane}`, `${rows.length} commands, the last is ${before.last_command}`);
  }
  checkApplied(settled, context, findings);
  const applied = reading.state.lastCommand ?? 0;
  if (applied > after.last_command) {
    const says = `has applied ${applied}, the last issued is ${after.last_command}`;
    check.violate(`lane ${lane}`, says);
  }
}

/** Commands that were put away and then settled as refused, whatever their lane had said. */
async function readRefused(q: Query, lane: number): Promise<ReadonlySet<number>> {
  const rows = await q.query<{ number: number }>(
    `SELECT (event->>'number')::bigint AS number FROM sale.quarantine
      WHERE lane = $1 AND resolution = 'refused'`,
    [lane],
  );
  return new Set(rows.map(({ number }) => number));
}

/** What the lane has applied = what has settled + what stands in the log above the watermark. */
function checkApplied(settled: number, context: LaneContext, findings: Findings): void {
  const { lane, reading, log } = context;
  const { lastCommand, head } = reading.state;
  const check = findings.of('lane.commands');
  const doubtful = [...log.saleTail.values()].flat().filter((fact) => {
    return fact.number > 0 && head !== null && compare(fact, head) <= 0;
  });
  if (lastCommand === settled + doubtful.length) return;
  const says = `has applied ${lastCommand ?? 'nothing'}, but ${settled} have settled`;
  check.violate(`lane ${lane}`, `${says} and ${doubtful.length} are in the log`);
}
