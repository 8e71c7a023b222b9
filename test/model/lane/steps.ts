/** What a process may do next, and what a step breaks. */
import type { Step } from '../search.ts';
import type { Rules } from './rules.ts';
import type { Postgres, Redis, State } from './state.ts';

export interface Turn {
  readonly s: State;
  readonly rules: Rules;
  readonly logMax: number;
  /** Adds a step. `broken` = the rule that the step itself breaks. */
  readonly add: (label: string, next: State, broken?: string | null) => void;
  readonly addFault: (label: string, next: State) => void;
}

export function turnOf(s: State, rules: Rules, logMax: number): { turn: Turn; out: Step<State>[] } {
  const out: Step<State>[] = [];
  const add: Turn['add'] = (label, next, broken = null) => {
    out.push({ label, fault: false, next, broken });
  };
  const addFault: Turn['addFault'] = (label, next) => {
    out.push({ label, fault: true, next, broken: null });
  };
  return { turn: { s, rules, logMax, add, addFault }, out };
}

export const withRedis = (s: State, change: Partial<Redis>): State => ({
  ...s,
  redis: { ...s.redis, ...change },
});

/** A change of the state counts. */
export function withPostgres(s: State, change: Partial<Postgres>): State {
  const before = s.postgres;
  const next = { ...before, ...change };
  const same =
    next.frozen === before.frozen &&
    next.reason === before.reason &&
    next.quarantine === before.quarantine &&
    next.recovered === before.recovered;
  return { ...s, postgres: same ? next : { ...next, version: before.version + 1 } };
}

/** Freezes in Postgres for a rollback. Answers what that breaks: there must have been one. */
export function frozen(s: State): { next: State; broken: string | null } {
  const { postgres: pg, rolledBack } = s;
  const broken = rolledBack || pg.frozen ? null : 'a lane is frozen that was not rolled back';
  return { next: withPostgres(s, { frozen: true, reason: true, untold: isUntold(s) }), broken };
}

/** It serves, and will hear of a freeze with the trimmer's next round. */
export const isUntold = (s: State): boolean =>
  s.postgres.untold || (!s.postgres.frozen && isOpen(s));

/** The lane answers batches over a connection to this server. */
export const isOpen = (s: State): boolean =>
  s.redis.marker && s.redis.verified === s.redis.run && s.redis.flag === 0;
