/**
 * A lane's state as numbers for the search. Equal processes are sorted, so two states that differ
 * only in which api or relay did something count once.
 */
import type { Position } from '../../../engine/domain/contiguity.ts';
import { pushSorted, type Ints } from '../ints.ts';
import type {
  Api,
  LaneData,
  Postgres,
  Recovery,
  Relay,
  State,
  Trimmer,
  Verifier,
} from './state.ts';

const truth = (value: boolean): number => (value ? 1 : 0);

function position(out: Ints, p: Position | null): void {
  out.push(p?.epoch ?? 0);
  out.push(p?.seq ?? 0);
}

function list(out: Ints, items: readonly number[]): void {
  out.push(items.length);
  for (const item of items) out.push(item);
}

/** Versions are compared only, so states that differ by more than their order are the same. */
function versionRanks(s: State): (version: number) => number {
  const all = [0, s.postgres.version, s.redis.flagged, s.redis.old?.flagged ?? 0];
  for (const trimmer of s.trimmers) all.push(trimmer?.version ?? 0);
  const sorted = [...new Set(all)].sort((a, b) => a - b);
  return (version) => sorted.indexOf(version);
}

function lane(out: Ints, data: LaneData | null, rank: (version: number) => number): void {
  if (data === null) {
    out.push(0);
    return;
  }
  out.push(data.marker ? 2 : 1);
  position(out, data);
  out.push(data.recovered);
  out.push(data.known);
  out.push(data.flag);
  out.push(rank(data.flagged));
  out.push(data.madeBy);
  out.push(data.rebuilt);
  list(out, data.outbox);
  out.push(data.ends.length);
  for (const end of Array.from(data.ends)) out.push(end ?? -2);
}

function postgres(out: Ints, pg: Postgres, run: number, version: number): void {
  out.push(pg.epoch);
  out.push(pg.recovered);
  out.push(truth(pg.run === run));
  const state = truth(pg.frozen) + 2 * truth(pg.untold) + 4 * truth(pg.reason);
  out.push(state + 8 * truth(pg.quarantine));
  out.push(version);
  out.push(pg.token);
  out.push(pg.recoveries);
  position(out, pg.watermark);
  out.push(pg.offset);
  out.push(pg.settled);
  out.push(pg.away);
  out.push(pg.refused);
  for (const { end, endedBy } of pg.epochs) {
    out.push(end ?? -2);
    out.push(truth(endedBy === 'recover'));
  }
}

function api(out: Ints, { seen, tells, run }: Api): void {
  position(out, seen);
  out.push(tells);
  out.push(run);
}

function relay(out: Ints, { cursor, buffer }: Relay): void {
  position(out, cursor);
  list(out, buffer);
}

function verifier(out: Ints, v: Verifier): void {
  out.push(v.at);
  if (v.at === 0) return;
  out.push(v.run);
  out.push(v.epoch);
  out.push(v.recovered);
  out.push(v.read);
  out.push(v.sawLog);
  position(out, v.head);
  out.push(v.next);
}

function recovery(out: Ints, r: Recovery): void {
  out.push(r.at);
  out.push(r.number);
  out.push(r.epoch);
  out.push(r.run);
  out.push(r.snapshot);
  out.push(truth(r.putAway) + 2 * truth(r.stays));
}

function trimmer(out: Ints, t: Trimmer | null, rank: (version: number) => number): void {
  if (t === null) {
    out.push(0);
    return;
  }
  out.push(1);
  position(out, t.watermark);
  const state = truth(t.frozen) + 2 * truth(t.reason) + 4 * truth(t.quarantine);
  list(out, [state, rank(t.version), t.epoch, t.recovered]);
}

export function encode(s: State, out: Ints): void {
  const { redis, postgres: pg, left } = s;
  const rank = versionRanks(s);
  list(out, [s.twiceLost, truth(s.rolledBack), redis.run]);
  out.push(s.positions.length);
  for (const p of s.positions) position(out, p);
  lane(out, redis, rank);
  lane(out, redis.old, rank);
  out.push(truth(redis.run === redis.verified) + 2 * truth(redis.republish));
  list(out, s.log);
  postgres(out, pg, redis.run, rank(pg.version));
  pushSorted(out, s.apis, api);
  pushSorted(out, s.relays, relay);
  pushSorted(out, s.verifiers, verifier);
  pushSorted(out, s.recoveries, recovery);
  pushSorted(out, s.trimmers, (part, t) => {
    trimmer(part, t, rank);
  });
  pushSorted(out, s.settling, (part, settling) => {
    part.push(settling?.decision ?? -1);
    position(part, settling?.watermark ?? null);
  });
  out.push(left.decisions);
  out.push(left.restarts);
  out.push(left.emptied);
  out.push(left.forgets);
  out.push(left.lostReplies);
  out.push(left.kafkaCuts);
  out.push(left.kafkaAnew);
  out.push(left.trims);
  out.push(left.walls);
}
