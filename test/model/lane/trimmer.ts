/**
 * A trimmer: reads watermark and state in Postgres, later writes them to the lane, trims, and tells
 * Postgres of a flag that the lane has (engine/trimmer.ts, lua/trim.lua, lua/include/flag.lua).
 */
import { isAbove } from '../../../engine/domain/contiguity.ts';
import { has, maskOf, positionOf, replaced, say, type State, type Trimmer } from './state.ts';
import { frozen, withPostgres, withRedis, type Turn } from './steps.ts';

export function trimmerSteps(turn: Turn): void {
  for (const [i, trimmer] of turn.s.trimmers.entries()) {
    if (trimmer === null) read(turn, i);
    else write(turn, i, trimmer);
  }
}

const set = (s: State, i: number, trimmer: Trimmer | null): State => ({
  ...s,
  trimmers: replaced(s.trimmers, i, trimmer),
});

const mayTrim = (s: State): boolean => s.redis.marker && s.redis.verified === s.redis.run;

function trimmed({ s, rules }: Turn, trimmer: Trimmer): readonly number[] {
  if (s.left.trims === 0 || !mayTrim(s)) return s.redis.outbox;
  if (!rules.has('the outbox is trimmed up to the watermark')) {
    const published = maskOf(s.log);
    return s.redis.outbox.filter((d) => !has(published, d));
  }
  return s.redis.outbox.filter((d) => isAbove(positionOf(s, d), trimmer.watermark));
}

const howFar = ({ rules }: Turn, { watermark }: Trimmer): string =>
  rules.has('the outbox is trimmed up to the watermark')
    ? `trims up to ${say(watermark)}`
    : 'trims what is published';

/** Only a round that could change something is looked at. */
function read(turn: Turn, i: number): void {
  const { s, add } = turn;
  const { watermark, frozen: isFrozen, reason, quarantine, version, epoch, recovered } = s.postgres;
  const trimmer = { watermark, frozen: isFrozen, reason, quarantine, version, epoch, recovered };
  const trims = trimmed(turn, trimmer).length < s.redis.outbox.length;
  const mayEnd = s.left.walls > 0 || quarantine;
  if (!trims && !mayEnd && isFrozen === (s.redis.flag !== 0) && !s.postgres.untold) return;
  const state = isFrozen ? 'frozen' : 'open';
  add(`trimmer ${i} reads watermark ${say(watermark)}, ${state}`, set(s, i, trimmer));
}

/** What a round has come to so far. */
interface Round {
  readonly next: State;
  readonly did: readonly string[];
  readonly broken: string | null;
}

function write(turn: Turn, i: number, trimmer: Trimmer): void {
  const { s, add } = turn;
  const outbox = trimmed(turn, trimmer);
  let round: Round = { next: set(s, i, null), did: [], broken: null };
  if (outbox.length < s.redis.outbox.length) {
    const left = { ...s.left, trims: s.left.trims - 1 };
    const next = { ...withRedis(round.next, { outbox }), left };
    round = { ...round, next, did: [howFar(turn, trimmer)] };
  }
  round = told(turn, trimmer, followed(turn, trimmer, round));
  const did = round.did.length > 0 ? round.did.join(', ') : 'has nothing to write';
  add(`trimmer ${i} ${did}`, round.next, round.broken);
}

const fenced = ({ rules }: Turn): boolean =>
  rules.has('a freeze names the recovery that it is older than');

/** The lane's flag follows what was read. */
function followed(turn: Turn, trimmer: Trimmer, { next, did, broken }: Round): Round {
  const { s, rules } = turn;
  const { redis } = s;
  const same = { next, did, broken };
  if (fenced(turn) && redis.marker && redis.recovered > trimmer.recovered) return same;
  if (trimmer.reason || trimmer.quarantine) {
    if (!rules.has('the postgres state is copied to the lane')) return same;
    const heard = withPostgres(next, { untold: false });
    if (redis.flag !== 0 && !(redis.flag === -1 && trimmer.reason)) return { ...same, next: heard };
    const flagged = redis.marker ? Math.max(redis.flagged, trimmer.version) : 0;
    const flag = trimmer.reason ? 1 : -1;
    const groundless = trimmer.reason && !s.rolledBack && !s.postgres.frozen;
    return {
      next: withRedis(heard, { flag, flagged }),
      did: [...did, 'flags the lane'],
      broken: groundless ? 'a lane is flagged that was not rolled back' : broken,
    };
  }
  const older = trimmer.version < redis.flagged && rules.has('an older look ends no flag');
  const ends = rules.has('the end of a quarantine is copied to the lane');
  if (redis.flag !== -1 || older || !ends) return same;
  return { next: withRedis(next, { flag: 0 }), did: [...did, 'takes the flag away'], broken };
}

/** Postgres is told of a flag that it did not know of. */
function told(turn: Turn, trimmer: Trimmer, { next, did, broken }: Round): Round {
  const { s } = turn;
  const epoch = mayTrim(s) ? s.redis.epoch : trimmer.epoch;
  const late = fenced(turn) && s.postgres.recovered > epoch;
  if (late || !tellsPostgres(turn, trimmer)) return { next, did, broken };
  const after = frozen(next, null, turn.excused);
  return {
    next: after.next,
    did: [...did, 'tells postgres that the lane is frozen'],
    broken: broken ?? after.broken,
  };
}

function tellsPostgres({ s, rules }: Turn, trimmer: Trimmer): boolean {
  if (trimmer.frozen || s.redis.flag <= 0 || !s.redis.marker) return false;
  if (!rules.has('the lane flag is copied to postgres')) return false;
  const shut = s.redis.verified !== s.redis.run;
  if (shut && !rules.has('the flag of a shut lane is copied too')) return false;
  return s.redis.flag === 1 || !rules.has('the flag of a recovery is not copied');
}
