/**
 * A recovery (protocol of `recover`): rebuilds a lane from Postgres. It may pause between any two
 * steps, and another one may take it over.
 *
 * 0 take the token in Postgres · 1 flag the lane · 2 freeze in Postgres · 3 drain for as long as it
 * likes, then end the epoch at the watermark and begin the next · 4 put away what is beyond the end,
 * of outbox and log · 5 read Postgres and clear the lane · 6 write what was read, marker and run
 * last · 7 unfreeze Postgres, which counts the recovery · 8 unflag the lane.
 */
import { isAbove, judge, type EpochEnd } from '../../../engine/domain/contiguity.ts';
import {
  bit,
  has,
  maskOf,
  notBegun,
  recoveryOver,
  replaced,
  type LaneData,
  type Recovery,
  type State,
} from './state.ts';
import { withPostgres, withRedis, type Turn } from './steps.ts';

export function recoverySteps(turn: Turn): void {
  for (const [i, r] of turn.s.recoveries.entries()) {
    if (r.at !== recoveryOver) steps[r.at]?.(turn, i, r);
  }
}

const flagOf = (r: Recovery): number => r.number + 1;

const set = (s: State, i: number, r: Recovery): State => ({
  ...s,
  recoveries: replaced(s.recoveries, i, r),
});

const over = (s: State, i: number): State => set(s, i, { ...notBegun, at: recoveryOver });

/** True = this recovery holds the token no more; it has then stopped. */
function overtaken({ s, rules, add }: Turn, i: number, r: Recovery): boolean {
  if (s.postgres.token === flagOf(r) || !rules.has('every step checks the token')) return false;
  add(`recovery ${i} has lost the token and stops`, over(s, i));
  return true;
}

/** True = this is not the lane that it has flagged, or a step is missing: it begins again. */
function replacedLane({ s, rules, add }: Turn, i: number, r: Recovery, done: number): boolean {
  const { flag, rebuilt } = s.redis;
  const other = flag !== flagOf(r) && rules.has('every step checks the token');
  const back = rebuilt !== done && rules.has('no step of a rebuild without the one before');
  if (!other && !back) return false;
  const later = flag > flagOf(r) || s.redis.madeBy > r.number;
  if (later) add(`recovery ${i} finds the lane of a later one and stops`, over(s, i));
  else add(`recovery ${i} finds that the lane is another, and begins again`, set(s, i, notBegun));
  return true;
}

function take({ s, rules, add }: Turn, i: number): void {
  const number = s.postgres.recoveries + 1;
  const r = { ...notBegun, at: 1, number, epoch: s.postgres.epoch };
  const late = rules.has('the lane is flagged before postgres is frozen');
  const state = { token: flagOf(r), recoveries: number, frozen: s.postgres.frozen || !late };
  const held = withPostgres(s, state);
  add(`recovery ${i} takes the token`, set(held, i, r));
}

function flag({ s, rules, add }: Turn, i: number, r: Recovery): void {
  if (!rules.has('the lane is frozen before it is drained')) {
    add(`recovery ${i} goes on without a freeze`, set(s, i, { ...r, at: 3, run: s.redis.run }));
    return;
  }
  const { redis } = s;
  const made = redis.madeBy > r.number;
  const late = made && rules.has('a recovery takes no lane that a later one has made');
  if (late || redis.flag > flagOf(r)) {
    add(`recovery ${i} finds the lane of a later one and stops`, over(s, i));
    return;
  }
  const flagged = { flag: flagOf(r), rebuilt: 1 };
  const next = withRedis(set(s, i, { ...r, at: 2, run: redis.run }), flagged);
  add(`recovery ${i} flags the lane`, next);
}

function freeze(turn: Turn, i: number, r: Recovery): void {
  const { s, add } = turn;
  if (overtaken(turn, i, r)) return;
  const { settled } = s.postgres;
  const next = withPostgres(set(s, i, { ...r, at: 3, snapshot: settled }), { frozen: true });
  add(`recovery ${i} freezes postgres`, next);
}

/** It may give up waiting for the watermark at any time. */
function end(turn: Turn, i: number, r: Recovery): void {
  const { s, rules, add } = turn;
  if (overtaken(turn, i, r)) return;
  if (!rules.has('what is left is put away after the end') && !r.putAway) {
    putAway(turn, i, { ...r, putAway: true });
    return;
  }
  const { epoch, watermark } = s.postgres;
  const atMark = rules.has('the epoch ends at the watermark');
  const last = atMark ? watermark : { epoch: s.redis.epoch, seq: s.redis.seq };
  const epochs = s.postgres.epochs.map((e): EpochEnd => {
    if (e.epoch < last.epoch) return e;
    return { epoch: e.epoch, end: e.epoch === last.epoch ? last.seq : -1, endedBy: 'recover' };
  });
  const next = withPostgres(s, {
    epoch: epoch + 1,
    ...(rules.has('a recovery counts from its unfreeze') ? {} : { recovered: epoch + 1 }),
    epochs: [...epochs, { epoch: epoch + 1, end: null, endedBy: null }],
  });
  const at = r.putAway ? 5 : 4;
  const ended = set(next, i, { ...r, at, epoch: epoch + 1 });
  add(`recovery ${i} ends epoch ${last.epoch} at ${last.seq}, begins ${epoch + 1}`, ended);
}

/** The settlement judges it: beyond the end of its epoch. */
function putAway({ s, rules, add }: Turn, i: number, r: Recovery): void {
  const outbox = rules.has('what is not settled is put away') ? maskOf(s.redis.outbox) : 0;
  const log = rules.has('the log is read again after the end') ? maskOf(s.log) : 0;
  let { away } = s.postgres;
  let freezes = false;
  for (const [d, position] of s.positions.entries()) {
    const { watermark, epochs } = s.postgres;
    if (!has(outbox | log, d)) continue;
    const verdict = judge(position, watermark, epochs);
    const beyond = verdict.kind === 'quarantine';
    if (beyond || (r.putAway && isAbove(position, watermark))) away |= bit(d);
    if (beyond && verdict.freeze && !s.postgres.frozen) freezes = true;
  }
  const at = r.putAway ? r.at : 5;
  const froze = freezes ? { frozen: true, reason: true } : {};
  const next = withPostgres(set(s, i, { ...r, at }), { away, ...froze });
  add(`recovery ${i} puts away what is beyond the end`, next);
}

function clear(turn: Turn, i: number, r: Recovery): void {
  const { s, rules, add } = turn;
  if (replacedLane(turn, i, r, 1) || overtaken(turn, i, r)) return;
  const old = copyOf(s);
  const snapshot = rules.has('the rebuild reads after the end') ? s.postgres.settled : r.snapshot;
  const cleared = {
    marker: false,
    outbox: [],
    known: 0,
    ends: [],
    flagged: 0,
    madeBy: 0,
    verified: 0,
    republish: false,
  };
  const clears = rules.has('the rebuild clears the lane');
  const made = { marker: true, epoch: r.epoch, seq: -1, recovered: r.epoch };
  const early = rules.has('marker and run are written last')
    ? {}
    : { ...made, verified: r.run, madeBy: r.number };
  const next = withRedis(set(s, i, { ...r, at: 6, snapshot }), {
    old,
    rebuilt: 2,
    ...(clears ? cleared : {}),
    ...early,
  });
  add(`recovery ${i} reads what postgres has settled and clears the lane`, next);
}

function copyOf({ redis }: State): LaneData {
  const { marker, epoch, seq, recovered, outbox, known, ends, flagged, madeBy, rebuilt } = redis;
  const made = { madeBy, rebuilt };
  return { marker, epoch, seq, recovered, outbox, known, ends, flag: redis.flag, flagged, ...made };
}

function write(turn: Turn, i: number, r: Recovery): void {
  const { s, add } = turn;
  if (replacedLane(turn, i, r, 2)) return;
  const { epoch, snapshot, run } = r;
  const next = withRedis(set(s, i, { ...r, at: 7 }), {
    marker: true,
    epoch,
    seq: -1,
    recovered: epoch,
    known: snapshot | s.redis.known,
    verified: run,
    madeBy: r.number,
    rebuilt: 3,
  });
  const label = `recovery ${i} writes what it read, marker ${epoch} and the run`;
  add(label, { ...next, rolledBack: false });
}

function unfreeze(turn: Turn, i: number, r: Recovery): void {
  const { s, rules, add } = turn;
  if (!rules.has('postgres is unfrozen before the lane') && s.redis.flag === flagOf(r)) {
    add(`recovery ${i} unflags the lane`, withRedis(s, { flag: 0, rebuilt: 0 }));
    return;
  }
  if (overtaken(turn, i, r)) return;
  const stays = s.postgres.quarantine;
  const open = { frozen: stays, reason: false, untold: false, token: 0, recovered: r.epoch };
  const run = rules.has('the run is stored with the unfreeze') ? { run: r.run } : {};
  const next = withPostgres(set(s, i, { ...r, at: 8, stays }), { ...open, ...run });
  add(`recovery ${i} unfreezes postgres and gives the token back`, next);
}

function unflag({ s, rules, add }: Turn, i: number, r: Recovery): void {
  const own = s.redis.flag === flagOf(r) || !rules.has('every step checks the token');
  const next = own ? withRedis(over(s, i), { flag: r.stays ? -1 : 0, rebuilt: 0 }) : over(s, i);
  const does = r.stays ? 'leaves the lane to its quarantine' : 'unflags the lane';
  add(`recovery ${i} ${own ? does : 'finds another flag'} and is done`, next);
}

const steps = [take, flag, freeze, end, putAway, clear, write, unfreeze, unflag];
