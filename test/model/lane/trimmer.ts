/**
 * The trimmer: reads watermark and state in Postgres, later writes them to the lane, trims, and
 * tells Postgres of a flag that the lane has (engine/trimmer.ts, lua/trim.lua).
 */
import { isAbove } from '../../../engine/domain/contiguity.ts';
import { positionOf, say, type State, type Trimmer } from './state.ts';
import { frozen, withPostgres, withRedis, type Turn } from './steps.ts';

export function trimmerSteps(turn: Turn): void {
  if (turn.s.trimmer === null) read(turn);
  else write(turn, turn.s.trimmer);
}

const mayTrim = (s: State): boolean => s.redis.marker && s.redis.verified === s.redis.run;

function trimmed({ s, rules }: Turn, trimmer: Trimmer): readonly number[] {
  if (s.left.trims === 0 || !mayTrim(s)) return s.redis.outbox;
  if (!rules.has('the outbox is trimmed up to the watermark')) return [];
  return s.redis.outbox.filter((d) => isAbove(positionOf(s, d), trimmer.watermark));
}

/** Only a round that could change something is looked at. */
function read(turn: Turn): void {
  const { s, add } = turn;
  const { watermark, frozen: isFrozen, reason, epoch, recovered } = s.postgres;
  const trimmer = { watermark, frozen: isFrozen, reason, epoch, recovered };
  const trims = trimmed(turn, trimmer).length < s.redis.outbox.length;
  if (!trims && isFrozen === (s.redis.flag !== 0) && !s.postgres.untold) return;
  const state = isFrozen ? 'frozen' : 'open';
  add(`the trimmer reads watermark ${say(watermark)}, ${state}`, { ...s, trimmer });
}

function write(turn: Turn, trimmer: Trimmer): void {
  const { s, rules, add } = turn;
  const fenced = rules.has('a freeze names the recovery that it is older than');
  const outbox = trimmed(turn, trimmer);
  const trims = outbox.length < s.redis.outbox.length;
  let next: State = { ...s, trimmer: null };
  let broken: string | null = null;
  const did: string[] = [];
  if (trims) {
    next = { ...withRedis(next, { outbox }), left: { ...s.left, trims: s.left.trims - 1 } };
    did.push(`trims up to ${say(trimmer.watermark)}`);
  }
  const { redis, postgres } = s;
  const older = fenced && redis.marker && redis.recovered > trimmer.recovered;
  if (trimmer.reason && !older && rules.has('the postgres state is copied to the lane')) {
    next = withPostgres(next, { untold: false });
    if (redis.flag === 0) {
      next = withRedis(next, { flag: 1 });
      did.push('flags the lane');
      if (!s.rolledBack && !postgres.frozen) broken = 'a lane is flagged that was not rolled back';
    }
  }
  if (tellsPostgres(turn, trimmer)) {
    const epoch = mayTrim(s) ? redis.epoch : trimmer.epoch;
    if (!fenced || postgres.recovered <= epoch) {
      const told = frozen(next);
      next = told.next;
      broken ??= told.broken;
      did.push('tells postgres that the lane is frozen');
    }
  }
  add(`the trimmer ${did.length > 0 ? did.join(', ') : 'has nothing to write'}`, next, broken);
}

/** The lane has a flag that Postgres did not know of. */
function tellsPostgres({ s, rules }: Turn, trimmer: Trimmer): boolean {
  if (trimmer.frozen || s.redis.flag === 0 || !s.redis.marker) return false;
  if (!rules.has('the lane flag is copied to postgres')) return false;
  const shut = s.redis.verified !== s.redis.run;
  if (shut && !rules.has('the flag of a shut lane is copied too')) return false;
  return s.redis.flag === 1 || !rules.has('the flag of a recovery is not copied');
}
