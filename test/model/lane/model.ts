/** The lane protocol as a model for the search: every process, every fault, every invariant. */
import type { Model, Step } from '../search.ts';
import { apiSteps } from './api.ts';
import { encode } from './encode.ts';
import { faultSteps } from './faults.ts';
import { recoverySteps } from './recovery.ts';
import { relaySteps } from './relay.ts';
import { allRules, type Rules } from './rules.ts';
import { settlerSteps } from './settler.ts';
import { formatted, maskOf, positionOf, recoveryOver } from './state.ts';
import type { Instance, State } from './state.ts';
import { isOpen, strangers, turnOf, type Stranger } from './steps.ts';
import { trimmerSteps } from './trimmer.ts';
import { verifierSteps } from './verifier.ts';

/** With less room in the partition than this a state need not come to rest: it may be full before. */
const roomToRest = 2;

/** `excused` = see Stranger. */
export function laneModel(
  instance: Instance,
  rules: Rules = allRules,
  excused: ReadonlySet<Stranger> = new Set(strangers),
): Model<State> {
  const { logMax } = instance;
  return {
    initial: formatted(instance),
    encode,
    broken: (s) => brokenIn(s),
    good: (s) => atRest(s),
    mustRest: (s) => s.log.length + roomToRest <= logMax,
    steps(s) {
      const { turn, out } = turnOf({ s, rules, excused, logMax });
      apiSteps(turn);
      relaySteps(turn);
      settlerSteps(turn);
      verifierSteps(turn);
      recoverySteps(turn);
      trimmerSteps(turn);
      faultSteps(turn);
      return out.map((step) => notLost(s, step));
    },
  };
}

/** What of the log the settler has not read; its stored offset may lie beyond the end. */
const unread = ({ log, postgres }: State): readonly number[] =>
  log.slice(postgres.offset > log.length ? 0 : postgres.offset);

/**
 * Where a decision may be: in the lane, on its way, settled, put away. While a lane does not serve,
 * its verifier or its recovery has yet to look at the whole log.
 */
const whereabouts = (s: State): number =>
  maskOf(s.redis.outbox) |
  s.relays.reduce((mask, relay) => mask | maskOf(relay.buffer), 0) |
  maskOf(isOpen(s) && !s.postgres.frozen ? unread(s) : s.log) |
  s.postgres.settled |
  s.postgres.refused |
  s.postgres.away;

/** Only a fault may take a decision out of a lane; what one takes from Kafka, `brokenIn` sees. */
function notLost(s: State, step: Step<State>): Step<State> {
  if (step.broken !== null || step.fault) return step;
  const lost = whereabouts(s) & ~whereabouts(step.next) & ~step.next.twiceLost;
  if (lost === 0) return step;
  return { ...step, broken: `d${31 - Math.clz32(lost)} is lost without a fault` };
}

const names = (mask: number): string => `d${31 - Math.clz32(mask)}`;

function brokenIn(s: State): string | null {
  const { settled, away, refused, frozen } = s.postgres;
  const both = (settled | refused) & away;
  if (both !== 0) return `${names(both)} is settled and put away`;
  const nowhere = s.redis.known & ~whereabouts(s);
  if (nowhere !== 0) return `${names(nowhere)} is known to the lane and nowhere else`;
  if (!isOpen(s)) return null;
  const unknown = settled & ~s.redis.known;
  if (unknown !== 0) return `an open lane does not know ${names(unknown)}, which is settled`;
  if (frozen) return null;
  const gone = s.redis.known & away;
  if (gone !== 0) return `an open lane knows ${names(gone)}, which was put away`;
  const skipped = maskOf(s.log) & ~whereabouts(s) & ~s.twiceLost;
  if (skipped !== 0) return `${names(skipped)} is in kafka and will never be looked at`;
  for (let d = 0; d < s.positions.length; d++) {
    const put = (away & (1 << d)) !== 0;
    if (put && positionOf(s, d).epoch >= s.postgres.recovered) {
      return `d${d} was put away and the lane is not frozen`;
    }
  }
  return null;
}

/** Nothing is left to do, or the lane waits for a recovery and there is none to come. */
function atRest(s: State): boolean {
  const { postgres: pg, redis } = s;
  const triedAll = s.recoveries.every((r) => r.at === recoveryOver);
  const older = redis.flag > 1 && redis.recovered < pg.recovered;
  const shut = (pg.frozen && !isOpen(s)) || !redis.marker || older;
  if (shut && triedAll) return true;
  const unsettled = maskOf(redis.outbox) & ~(pg.settled | pg.away | pg.refused);
  return isOpen(s) && !pg.frozen && unsettled === 0 && unread(s).length === 0;
}
