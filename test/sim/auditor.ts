/**
 * The auditor: predicts from what clients asked and were told, and from what the stores hold in the
 * end, and knows nothing of how the engine decides. What a blow may have taken (losses.ts) is excused;
 * nothing else is. The audit of the product recounts the stores beside it.
 */
import { audit } from '../../engine/audit/audit.ts';
import type { Position } from '../../engine/audit/positions.ts';
import { laneOfId, mayBePart, mayHaveParts } from '../../engine/domain/ids.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { wrongIn } from '../support/audit.ts';
import { checkLines } from './auditor-line.ts';
import { checkRefusals } from './auditor-refusals.ts';
import { checkSeveral, checkTerms, readLines, readTerms } from './auditor-several.ts';
import { checkStated } from './auditor-stated.ts';
import type { Evidence, Row } from './evidence.ts';
import type { Asked, History } from './history.ts';
import type { Lab } from './lab.ts';
import { placeOf } from './losses.ts';
import type { Scene } from './plan.ts';
import { wallOf } from './scheduler.ts';
import { isTrue } from './asking.ts';

export interface Run {
  readonly lab: Lab;
  readonly scene: Scene;
  readonly history: History;
}

/** What does not hold, in words. */
export async function auditRun({ lab, scene, history }: Run): Promise<string[]> {
  const { losses, faults } = scene;
  const evidence: Evidence = {
    history,
    rows: await readRows(lab),
    terms: await readTerms(lab.db),
    linesOf: await readLines(lab.db),
    lost: losses.begun,
    touched: losses.orders,
    lossy: losses.count > 0,
    wrong: [],
    skews: scene.stores.redis.skews,
  };
  checkAnswers(evidence);
  checkEnds(evidence);
  checkInvented(evidence);
  checkOwners(evidence);
  checkLimits(evidence);
  checkTimes(evidence);
  checkSeveral(evidence, faults);
  checkTerms(evidence, faults);
  checkRefusals(evidence);
  await checkLines(lab.db, evidence, faults, scene.crew.deaths);
  checkStated(evidence, scene.crew.stated, losses.taken, faults);
  await checkAway(lab, scene, evidence.wrong);
  for (const { tellings } of history.asked) {
    for (const { outcome } of tellings) {
      if (outcome?.kind === 'rejected') faults.count(`refused ${outcome.rejection.code}`);
      else if (outcome?.kind === 'done' && outcome.replayed) faults.count('replayed');
      else faults.count(outcome?.kind ?? 'no answer');
    }
  }
  faults.count('decisions lost', losses.taken.length);
  return [...evidence.wrong, ...(await recount(lab, scene))];
}

async function readRows({ db }: Lab): Promise<Map<string, Row>> {
  const rows = await db.query<Omit<Row, 'ended' | 'sale'> & { ended: number | null }>(
    `SELECT id, shopper, state, units, price, held_at AS held, hold_expires_at AS deadline,
            ended_at AS ended
       FROM sale.orders ORDER BY id`,
  );
  return new Map(
    rows.map((row) => {
      const ended = row.state === 'paid' ? Infinity : (row.ended ?? Infinity);
      return [row.id, { ...row, ended, sale: `sal_${row.id.slice(4, 20)}` }];
    }),
  );
}

async function recount(lab: Lab, { stores, topic, losses }: Scene): Promise<string[]> {
  const { runId } = stores.redis;
  // The server behind is not the one that was seen to start.
  const redis = Object.assign(Object.create(lab.redis) as Redis, {
    info: () => Promise.resolve(`run_id:${runId}\r\n`),
  });
  const report = await audit(
    { db: lab.db, redis, kafka: stores.kafka.raw(), topic },
    { sale: null, waitMs: 0, say: () => undefined },
  );
  // What was rolled back and comes late is put away: `checkAway` says what may be.
  return wrongIn(report).filter((one) => losses.count === 0 || !one.startsWith('pg.quarantine'));
}

const nameOf = ({ kind, shopper, key }: Asked): string => `${kind} of ${shopper} by ${key}`;

/** One answer for one key, true in the end, and every accepted order is there as it was told. */
export function checkAnswers({ history, rows, lost, wrong }: Evidence): void {
  const first = new Map<string, string>();
  for (const asked of history.asked) {
    const { outcome } = asked.tellings.at(-1) ?? { outcome: null };
    if (!isTrue(outcome)) wrong.push(`${nameOf(asked)}: never a true answer`);
    for (const telling of asked.tellings) {
      if (asked.kind !== 'hold' || telling.outcome?.kind !== 'done') continue;
      const { id, units, price, heldAt, holdExpiresAt } = telling.outcome.value;
      if (lost.has(id)) continue;
      if (units.length !== asked.quantity) wrong.push(`${id}: ${units.length} units, not as asked`);
      const told = JSON.stringify({ id, units, price, heldAt, holdExpiresAt });
      const key = `${asked.shopper} ${asked.sale} ${asked.key}`;
      const before = first.get(key) ?? told;
      first.set(key, before);
      if (before !== told) wrong.push(`${nameOf(asked)}: ${told} after ${before}`);
      const row = rows.get(id);
      if (row === undefined) wrong.push(`${id}: accepted, and Postgres has no such order`);
      else if (
        JSON.stringify([row.units, row.price, row.held]) !== JSON.stringify([units, price, heldAt])
      ) {
        wrong.push(`${id}: ${JSON.stringify(row)} is not what was told: ${told}`);
      }
    }
  }
}

/**
 * A hold ends once, by what was asked for, and what was told of its end stays true unless that end may be
 * gone: then it may have another.
 */
export function checkEnds(evidence: Evidence): void {
  const { history, rows, linesOf, lost, touched, wrong } = evidence;
  for (const [id, row] of rows) {
    if (lost.has(id)) continue;
    // What is asked of an order is asked of all its lines.
    const home = linesOf.get(id)?.[0] ?? id;
    const asked = history.asked.filter((one) => one.order === home);
    const done = (kind: Asked['kind']) =>
      asked.some(
        (one) => one.kind === kind && one.tellings.some((t) => t.outcome?.kind === 'done'),
      );
    const tried = (kind: Asked['kind']) => asked.some((one) => one.kind === kind);
    if (row.state === 'paid' && !tried('pay')) wrong.push(`${id}: nobody paid it`);
    if (row.state === 'released' && !tried('release')) wrong.push(`${id}: nobody released it`);
    // All lines have one deadline, the earliest of theirs.
    const lines = (linesOf.get(id) ?? [id]).map((line) => rows.get(line)?.sale ?? '');
    const holdMs = Math.min(...lines.map((sale) => history.sales.get(sale)?.holdMs ?? Infinity));
    if (row.state === 'expired' && holdMs < Infinity && row.ended < row.held + holdMs) {
      wrong.push(`${id}: expired ${row.held + holdMs - row.ended} ms early`);
    }
    if (touched.has(id)) continue;
    if (done('pay') && row.state !== 'paid') wrong.push(`${id}: told paid, is ${row.state}`);
    if (done('release') && row.state !== 'released') {
      wrong.push(`${id}: told released, is ${row.state}`);
    }
    for (const { kind, tellings } of asked) {
      for (const { outcome, askedAt } of tellings) {
        if (kind === 'pay' && outcome?.kind === 'rejected' && row.state === 'paid') {
          const { code } = outcome.rejection;
          if (code === 'hold_expired') {
            wrong.push(`${id}: refused as expired at ${askedAt}, is paid`);
          }
        }
        if (kind === 'read' && outcome?.kind === 'done' && outcome.value.state !== 'held') {
          if (outcome.value.state !== row.state) {
            wrong.push(`${id}: was read as ${outcome.value.state}, is ${row.state}`);
          }
        }
      }
    }
  }
}

/** No more orders than were asked for. */
function checkInvented({ history, rows, wrong }: Evidence): void {
  const keys = new Map<string, Set<string>>();
  for (const { kind, shopper, sale, key } of history.asked) {
    if (kind !== 'hold') continue;
    const name = `${shopper} ${sale}`;
    keys.set(name, (keys.get(name) ?? new Set()).add(key));
  }
  const counts = new Map<string, number>();
  for (const { id, shopper, sale } of rows.values()) {
    if (mayHaveParts(id) || mayBePart(id)) continue;
    counts.set(`${shopper} ${sale}`, (counts.get(`${shopper} ${sale}`) ?? 0) + 1);
  }
  for (const [name, count] of counts) {
    const asked = keys.get(name)?.size ?? 0;
    if (count > asked) wrong.push(`${name}: ${count} orders, asked for ${asked}`);
  }
}

/** At no time does a unit have two orders. */
function checkOwners({ history, rows, terms, wrong }: Evidence): void {
  const owners = new Map<string, Row[]>();
  for (const row of rows.values()) {
    for (const unit of row.units) {
      const name = `${row.sale}/${unit}`;
      const others = owners.get(name) ?? [];
      owners.set(name, [...others, row]);
      const { offered } = history.sales.get(row.sale) ?? {
        offered: history.supply.get(terms.get(row.sale)?.product ?? '') ?? 0,
      };
      if (unit < 1 || unit > offered) wrong.push(`${row.id}: unit ${unit} of ${offered}`);
      for (const other of others) {
        if (row.held < other.ended && other.held < row.ended) {
          wrong.push(`unit ${name} belongs to ${row.id} and to ${other.id} at once`);
        }
      }
    }
  }
}

/** At no time has a shopper more than the limit. */
function checkLimits({ history, rows, terms, wrong }: Evidence): void {
  for (const row of rows.values()) {
    const limit = (history.sales.get(row.sale) ?? terms.get(row.sale))?.limit ?? 0;
    let owned = 0;
    for (const other of rows.values()) {
      if (other.sale !== row.sale || other.shopper !== row.shopper) continue;
      if (other.held <= row.held && row.held < other.ended) owned += other.units.length;
    }
    if (owned > limit) {
      wrong.push(`${row.shopper} owns ${owned} of ${row.sale}, the limit is ${limit}`);
    }
  }
}

/** Whoever asks when an answer has been told is decided no earlier than that one, by their lane's time. */
function checkTimes({ history, lossy, wrong }: Evidence): void {
  if (lossy) return;
  const decided = history.asked.flatMap(({ kind, tellings }) =>
    kind === 'details' || kind === 'read'
      ? []
      : tellings.flatMap(({ askedAt, toldAt, outcome }) =>
          outcome?.kind === 'done'
            ? [{ lane: laneOfId(outcome.value.sale), askedAt, toldAt, outcome }]
            : [],
        ),
  );
  for (const before of decided) {
    for (const { lane, askedAt, outcome } of decided) {
      if (lane !== before.lane || askedAt < before.toldAt) continue;
      const ms = before.outcome.now - outcome.now;
      if (ms > 0) wrong.push(`lane ${lane} went back by ${ms} ms before ${wallOf(askedAt)}`);
    }
  }
}

/** Put away is only what a store has lost and something late has brought again. */
async function checkAway({ db }: Lab, scene: Scene, wrong: string[]): Promise<void> {
  const { losses, faults } = scene;
  const away = await db.query<Away>(
    `SELECT lane, epoch, seq, order_id AS order, reason, event->>'type' AS type
       FROM sale.quarantine ORDER BY lane, epoch, seq, index`,
  );
  for (const row of away) {
    faults.count(`put away: ${row.order === null ? row.type : 'an order'}`);
    const isLost =
      row.order === null ? losses.places.has(placeOf(row)) : losses.orders.has(row.order);
    const what = row.order ?? row.type;
    if (!isLost) wrong.push(`${what} of ${placeOf(row)} is put away: ${row.reason}`);
  }
}

/** A row of the quarantine. Without an order: what became of a lane command, a bell, or a ticket. */
interface Away extends Position {
  readonly lane: number;
  readonly order: string | null;
  readonly reason: string;
  readonly type: string;
}
