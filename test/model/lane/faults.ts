/** What may go wrong, each as often as the budget says. */
import { isAbove, type Position } from '../../../engine/domain/contiguity.ts';
import { has, positionOf, replaced, say, type Budget, type LaneData, type State } from './state.ts';
import type { Turn } from './steps.ts';

export function faultSteps(turn: Turn): void {
  restarts(turn);
  forgets(turn);
  kafkaLoses(turn);
}

const spend = (s: State, what: keyof Budget): Budget => ({
  ...s.left,
  [what]: s.left[what] - 1,
});

/** A new server with this data. Connections are cut; what was read over them is not used. */
function restarted(s: State, data: LaneData, lostMore: boolean): State {
  const lost = (s.redis.known & ~data.known) !== 0;
  return {
    ...s,
    redis: { ...s.redis, ...data, run: s.redis.run + 1 },
    // It serves again only by a verifier or a recovery, which ask Postgres.
    postgres: { ...s.postgres, untold: false },
    rolledBack: s.rolledBack || lost || lostMore,
  };
}

function restarts({ s, addFault }: Turn): void {
  const { redis, left } = s;
  if (left.emptied > 0) {
    const lane = {
      marker: false,
      epoch: 0,
      seq: -1,
      recovered: 0,
      outbox: [],
      known: 0,
      ends: [],
      flagged: 0,
      madeBy: 0,
      rebuilt: 0,
    };
    const next = restarted(s, { ...lane, flag: 0 }, true);
    addFault('redis starts empty', { ...next, left: spend(s, 'emptied') });
  }
  if (left.restarts === 0) return;
  const afresh = (label: string, data: LaneData, lostMore: boolean): void => {
    addFault(label, { ...restarted(s, data, lostMore), left: spend(s, 'restarts') });
  };
  for (const flag of flagsBefore(s)) {
    const flags = flag === redis.flag ? '' : ', without its flag';
    const flagged = flag === redis.flag ? redis.flagged : 0;
    if (!redis.marker) {
      afresh(`redis restarts${flags}`, { ...redis, flag, flagged }, false);
      continue;
    }
    for (const to of copies(s)) {
      const whole = to.epoch === redis.epoch && to.seq === redis.seq;
      const label = whole ? 'redis restarts' : `redis restarts as it was at ${say(to)}`;
      afresh(`${label}${flags}`, { ...asOf(s, to), flag, flagged }, false);
    }
  }
  if (redis.old !== null) {
    afresh('redis restarts as it was before the recovery', redis.old, true);
    if (redis.old.flag !== 0) {
      const label = 'redis restarts as it was before the recovery, without its flag';
      afresh(label, { ...redis.old, flag: 0 }, true);
    }
  }
}

/** A flag may be younger than the copy; that of a recovery is older than what it has written. */
function flagsBefore({ redis }: State): number[] {
  const { flag, rebuilt } = redis;
  return flag === 0 ? [0] : flag > 1 && rebuilt > 1 ? [flag] : [flag, 0];
}

/** Every head that this lane has had since its last recovery. */
function copies({ redis }: State): Position[] {
  const heads: Position[] = [];
  for (let epoch = redis.epoch; epoch >= Math.max(1, redis.recovered); epoch--) {
    const last = epoch === redis.epoch ? redis.seq : (redis.ends[epoch] ?? -1);
    for (let seq = last; seq >= -1; seq--) heads.push({ epoch, seq });
  }
  return heads;
}

function asOf(s: State, head: Position): LaneData {
  const { redis, positions } = s;
  const there = (d: number): boolean =>
    !isAbove(positionOf(s, d), head) || positionOf(s, d).epoch < redis.recovered;
  let known = 0;
  for (let d = 0; d < positions.length; d++) {
    if (has(redis.known, d) && there(d)) known |= 1 << d;
  }
  return {
    ...redis,
    epoch: head.epoch,
    seq: head.seq,
    outbox: redis.outbox.filter(there),
    known,
    ends: redis.ends.slice(0, head.epoch),
  };
}

function forgets({ s, addFault }: Turn): void {
  if (s.left.forgets === 0) return;
  const left = spend(s, 'forgets');
  for (const [i, api] of s.apis.entries()) {
    if (api.seen === null && api.tells === 0) continue;
    const apis = replaced(s.apis, i, { seen: null, tells: 0, run: 0 });
    addFault(`api ${i} dies and starts again`, { ...s, apis, left });
  }
  for (const [i, relay] of s.relays.entries()) {
    if (relay.cursor === null) continue;
    const relays = replaced(s.relays, i, { cursor: null, buffer: [] });
    addFault(`relay ${i} dies and starts again`, { ...s, relays, left });
  }
}

function kafkaLoses({ s, addFault }: Turn): void {
  if (s.left.kafkaCuts > 0) {
    const left = spend(s, 'kafkaCuts');
    for (let length = 1; length < s.log.length; length++) {
      const next = { ...s, log: s.log.slice(0, length), left };
      addFault(`kafka loses its tail, ${length} messages are left`, next);
    }
  }
  if (s.left.kafkaAnew > 0 && s.log.length > 0) {
    const left = spend(s, 'kafkaAnew');
    addFault('the topic is lost and made anew', { ...s, log: [], left });
  }
}
