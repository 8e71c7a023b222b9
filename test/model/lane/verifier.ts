/**
 * A verifier: lets a restarted server serve again in a new epoch, or freezes the lane
 * (engine/verifier.ts, lua/verify.lua). Three steps, with anything between them: end the epoch at
 * the head in one transaction; read Kafka and compare; write to the lane.
 */
import { isAbove, type EpochEnd, type Position } from '../../../engine/domain/contiguity.ts';
import type { Rules } from './rules.ts';
import {
  has,
  idleVerifier,
  maskOf,
  positionOf,
  replaced,
  say,
  type State,
  type Verifier,
} from './state.ts';
import { frozen, withPostgres, withRedis, type Turn } from './steps.ts';

export function verifierSteps(turn: Turn): void {
  for (const [i, v] of turn.s.verifiers.entries()) steps[v.at](turn, i, v);
}

const set = (s: State, i: number, v: Verifier): State => ({
  ...s,
  verifiers: replaced(s.verifiers, i, v),
});

const headOf = ({ redis }: State): Position => ({ epoch: redis.epoch, seq: redis.seq });

/** Reads Postgres; with the old order Kafka too. */
function read({ s, rules, add }: Turn, i: number): void {
  const { redis, postgres: pg } = s;
  if (!redis.marker && !rules.has('no marker, no service')) {
    const made = { marker: true, epoch: 1, seq: -1, verified: redis.run };
    add('a lane without a marker is made anew', withRedis(s, made));
    return;
  }
  if (!redis.marker || redis.flag !== 0 || redis.verified === redis.run) return;
  if (pg.frozen && rules.has('a frozen lane is not verified')) return;
  if (pg.token !== 0 && rules.has('the verifier gives way to a recovery')) return;
  const v = { ...idleVerifier, run: redis.run, epoch: pg.epoch, recovered: pg.recovered };
  const sawLog = maskOf(s.log);
  if (pg.run === redis.run && rules.has('one server begins one epoch')) {
    const seen = { read: partition(s, rules), sawLog };
    const begun = { ...v, ...seen, at: 2 as const, next: pg.epoch };
    add(`verifier ${i} finds epoch ${pg.epoch} begun for this server`, set(s, i, begun));
    return;
  }
  const first = !rules.has('kafka is read after the end is stored');
  const reading = { ...v, at: 1 as const, read: first ? partition(s, rules) : 0, sawLog };
  const what = first ? ' and kafka' : '';
  add(`verifier ${i} reads postgres (epoch ${pg.epoch})${what}`, set(s, i, reading));
}

/** What is read of the partition: all that may be beyond the end of its epoch. */
function partition({ log, postgres }: State, rules: Rules): number {
  const whole = rules.has('kafka is read from before the stored offset');
  return maskOf(whole ? log : log.slice(postgres.offset));
}

/** Ends the epoch at the head and begins the next, in one transaction. */
function begin({ s, rules, add }: Turn, i: number, before: Verifier): void {
  const { redis, postgres: pg } = s;
  const idle = set(s, i, idleVerifier);
  if (!redis.marker || redis.run !== before.run) {
    add(`verifier ${i} finds another server`, idle);
    return;
  }
  const v = { ...before, head: headOf(s) };
  const begun = pg.run === v.run && rules.has('one server begins one epoch');
  const changed = pg.epoch !== v.epoch || begun;
  const frozenNow = pg.frozen && rules.has('a frozen lane is not verified');
  const taken = pg.token !== 0 && rules.has('the verifier gives way to a recovery');
  const shut = frozenNow || taken;
  const compares = rules.has('state and epoch are compared when they are set');
  const first = rules.has('a rollback is judged after the comparison');
  const why = rolledBackBy(s, v, rules);
  if (compares && (changed || shut) && (first || why === null)) {
    add(`verifier ${i} finds that postgres has changed`, idle);
    return;
  }
  if (why !== null) {
    add(`verifier ${i} finds a rollback: ${why}`, set(s, i, { ...v, at: 4 }));
    return;
  }
  const begins = rules.has('every start begins a new epoch');
  const next = begins ? v.epoch + 1 : v.head.epoch;
  const ended = endEpochs(pg.epochs, v, rules);
  const epochs = begins ? [...ended, { epoch: next, end: null, endedBy: null }] : pg.epochs;
  const now = set(s, i, { ...v, at: 2, next });
  const label = `verifier ${i} ends epoch ${v.head.epoch} at ${v.head.seq}, begins ${next}`;
  add(label, withPostgres(now, { epoch: next, run: v.run, epochs }));
}

/** Why the lane was rolled back, as marker and Postgres show it. */
function rolledBackBy(s: State, v: Verifier, rules: Rules): string | null {
  const { epoch, seq } = v.head;
  const below = epoch < v.recovered && rules.has('the lane is not below the last recovery');
  if (epoch > v.epoch || below) return `the lane is of epoch ${epoch}, postgres of ${v.epoch}`;
  const { watermark, epochs } = s.postgres;
  if (isAbove(watermark, v.head) && rules.has('the watermark is not ahead of the lane')) {
    return `postgres has ${say(watermark)}`;
  }
  const endOf = (e: EpochEnd): number => (e.epoch === epoch ? seq : -1);
  const other = epochs.some((e) => e.epoch >= epoch && e.end !== null && e.end !== endOf(e));
  return other && rules.has('an epoch has one end') ? `epoch ${epoch} did not end at ${seq}` : null;
}

/** Ends every open epoch from the head's on. */
function endEpochs(epochs: readonly EpochEnd[], v: Verifier, rules: Rules): EpochEnd[] {
  if (!rules.has('the end of the epoch is stored')) return [...epochs];
  return epochs.map((e): EpochEnd => {
    if (e.epoch < v.head.epoch || e.end !== null) return e;
    const end = e.epoch === v.head.epoch ? v.head.seq : -1;
    return { epoch: e.epoch, end, endedBy: 'verifier' };
  });
}

/** Reads Kafka: whatever comes later, the settler judges by the end that is stored. */
function lookAtKafka({ s, rules, add }: Turn, i: number, v: Verifier): void {
  const after = rules.has('kafka is read after the end is stored');
  const shown = after ? partition(s, rules) : v.read;
  const beyond = rules.has('kafka is not beyond the end of its epoch') ? beyondEnd(s, shown) : null;
  if (beyond !== null) {
    add(`verifier ${i} finds ${say(beyond)} in kafka`, set(s, i, { ...v, at: 4 }));
    return;
  }
  const next = set(s, i, { ...v, at: 3, read: 0, sawLog: after ? maskOf(s.log) : v.sawLog });
  add(`verifier ${i} ${after ? 'reads' : 'has read'} kafka`, next);
}

/** A position since the last recovery that the lane does not have. */
function beyondEnd(s: State, shown: number): Position | null {
  for (const [d, position] of s.positions.entries()) {
    if (!has(shown, d) || position.epoch < s.postgres.recovered) continue;
    const end = s.postgres.epochs.find((e) => e.epoch === position.epoch)?.end ?? null;
    if (end !== null && position.seq > end) return position;
  }
  return null;
}

/** Kafka, as it was read, or Postgres has a decision that the lane, about to serve, lacks. */
function blind(s: State, v: Verifier): string | null {
  if (v.run !== s.redis.run || s.redis.verified === s.redis.run) return null;
  const shown = (v.sawLog | s.postgres.settled) & ~s.redis.known;
  for (let d = 0; d < s.positions.length; d++) {
    if (!has(shown, d) || positionOf(s, d).epoch < s.postgres.recovered) continue;
    return `the lane is let serve without d${d}, which kafka or postgres has`;
  }
  return null;
}

/** Freezes, unless a recovery has made the lane anew since the verifier began. */
function freeze({ s, rules, add, excused }: Turn, i: number, v: Verifier): void {
  const idle = set(s, i, idleVerifier);
  const fenced = rules.has('a freeze names the recovery that it is older than');
  if (fenced && s.postgres.recovered > v.epoch) {
    add(`verifier ${i} is too late to freeze: the lane has been recovered`, idle);
    return;
  }
  // Every later server shows the rollback too, so none of them serves.
  const { next, broken } = frozen(idle, null, excused);
  add(`verifier ${i} freezes the lane`, next, broken);
}

/** lua/verify.lua, over whatever server the connection leads to by now. */
function write({ s, rules, add }: Turn, i: number, v: Verifier): void {
  const { redis, postgres: pg } = s;
  const idle = set(s, i, idleVerifier);
  if (!redis.marker) {
    add(`verifier ${i} finds no marker`, idle);
    return;
  }
  if (redis.flag !== 0) {
    add(`verifier ${i} finds the lane frozen`, idle);
    return;
  }
  if (redis.run !== v.run && rules.has('the script runs on the verified server')) {
    add(`verifier ${i} finds another server`, idle);
    return;
  }
  const other = pg.frozen || pg.epoch !== v.next;
  if (other && rules.has('postgres is asked again before the script')) {
    add(`verifier ${i} finds that postgres has changed`, idle);
    return;
  }
  const opens = withRedis(idle, { verified: v.run });
  if (redis.epoch === v.next) {
    add(`verifier ${i} writes the run only`, opens, blind(s, v));
    return;
  }
  const back = redis.epoch > v.next && rules.has('the script takes no epoch back');
  const from = redis.epoch;
  const end = pg.epochs.find((e) => e.epoch === from)?.end ?? -1;
  const moved = redis.seq !== end && rules.has('the script compares the head');
  if (back || moved) {
    add(`verifier ${i} finds that the lane has changed`, idle);
    return;
  }
  const ends = [...redis.ends];
  for (const e of pg.epochs) {
    if (e.epoch >= from && e.epoch < v.next && e.end !== null) ends[e.epoch] = e.end;
  }
  const next = withRedis(opens, { epoch: v.next, seq: -1, ends });
  add(`verifier ${i} writes epoch ${v.next} to the lane`, next, blind(s, v));
}

const steps = [read, begin, lookAtKafka, write, freeze] as const;
