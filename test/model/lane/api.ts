/**
 * An api process: sends a batch of one hold to the lane with the highest position it has seen, and
 * tells Postgres when the lane answers that it was rolled back (engine/lanes/gate.ts,
 * engine/lanes/batcher.ts, lua/include/gate.lua).
 */
import { isAbove, type Position } from '../../../engine/domain/contiguity.ts';
import { bit, has, replaced, say, type Api, type State } from './state.ts';
import { frozen, withRedis, type Turn } from './steps.ts';

export function apiSteps(turn: Turn): void {
  for (const [i, api] of turn.s.apis.entries()) {
    tell(turn, i, api);
    call(turn, i, api);
  }
}

function tell({ s, rules, add, excused }: Turn, i: number, api: Api): void {
  if (api.tells === 0) return;
  const told = { ...s, apis: replaced(s.apis, i, { ...api, tells: 0, run: 0 }) };
  const label = `api ${i} tells postgres that the lane was rolled back`;
  if (!rules.has('the lane flag is copied to postgres')) return;
  const late =
    rules.has('a freeze names the recovery that it is older than') &&
    s.postgres.recovered > api.tells;
  if (late) {
    add(`${label}: too late, it has been recovered`, told);
    return;
  }
  // The server that answered so has the flag.
  const { next, broken } = frozen(told, api.run === s.redis.run ? null : 'an api', excused);
  add(label, next, broken);
}

/** The highest position that the lane has in this epoch, as its script knows it. */
function lastOf({ redis }: State, epoch: number): number {
  if (epoch === redis.epoch) return redis.seq;
  return epoch < redis.epoch ? (redis.ends[epoch] ?? -1) : -1;
}

/** The gate found the lane on a verified server: one script call. */
function call({ s, rules, add, addFault }: Turn, i: number, api: Api): void {
  const { redis, left } = s;
  if (redis.verified !== redis.run && rules.has('only the verified server is used')) return;
  if (!redis.marker) return;
  if (redis.flag !== 0 && rules.has('a frozen lane answers no batch')) return;
  const { seen } = api;
  if (seen !== null && rules.has('a batch carries the highest position seen')) {
    const compared =
      seen.epoch >= redis.recovered ||
      !rules.has('positions before the last recovery are not compared');
    if (compared && seen.seq > lastOf(s, seen.epoch)) {
      const tells = { ...api, tells: redis.epoch, run: redis.run };
      const flagged = withRedis({ ...s, apis: replaced(s.apis, i, tells) }, { flag: 1 });
      const label = `api ${i} has seen ${say(seen)}, the lane has not: it is flagged`;
      add(label, flagged, s.rolledBack ? null : 'a lane is frozen that was not rolled back');
      return;
    }
  }
  if (left.decisions === 0) return;
  const at = { epoch: redis.epoch, seq: redis.seq + 1 };
  const next = decided(s, at);
  const label = `api ${i} holds: d${s.positions.length} at ${say(at)}`;
  const higher = seen === null || isAbove(at, seen) ? at : seen;
  const apis = replaced(s.apis, i, { ...api, seen: higher });
  add(label, { ...next, apis }, takenTwice(s, at) ?? unanswerable(s, api));
  if (left.lostReplies > 0) {
    const lost = { ...next, left: { ...next.left, lostReplies: left.lostReplies - 1 } };
    addFault(`${label}, the reply is lost`, lost);
  }
}

function decided(s: State, at: Position): State {
  const decision = s.positions.length;
  const { redis, left } = s;
  const next = withRedis(s, {
    seq: at.seq,
    outbox: [...redis.outbox, decision],
    known: redis.known | bit(decision),
  });
  return {
    ...next,
    positions: [...s.positions, at],
    left: { ...left, decisions: left.decisions - 1 },
  };
}

function takenTwice(s: State, at: Position): string | null {
  const before = s.positions.findIndex((p) => p.epoch === at.epoch && p.seq === at.seq);
  return before < 0 ? null : `position ${say(at)} names two decisions, d${before} too`;
}

/** What an acknowledgement now would break. */
function unanswerable(s: State, api: Api): string | null {
  const { redis, postgres: pg } = s;
  if (pg.frozen && !pg.untold) return 'a lane answers though postgres says it is frozen';
  const epoch = pg.epochs.find((e) => e.epoch === redis.epoch);
  if (epoch?.end !== null) {
    return `a lane answers in epoch ${redis.epoch}, which postgres has ended`;
  }
  for (const [decision, position] of s.positions.entries()) {
    if (position.epoch < redis.recovered || has(redis.known, decision)) continue;
    if (api.seen !== null && !isAbove(position, api.seen)) {
      return `a lane without d${decision} answers an api that has seen it`;
    }
  }
  return null;
}
