/** What a process may do next, and what a step breaks. */
import type { Step } from '../search.ts';
import type { Rules } from './rules.ts';
import type { Postgres, Redis, State } from './state.ts';

/**
 * Whoever may write a freeze to Postgres while the lane serves without a flag: the settler by its verdict
 * or by the wall, an api that was answered by a server before the one that serves.
 */
export const strangers = ['the settler', 'the wall', 'an api'] as const;
export type Stranger = (typeof strangers)[number];

export interface Turn {
  readonly s: State;
  readonly rules: Rules;
  /** Whose freeze a serving lane may not know yet. */
  readonly excused: ReadonlySet<Stranger>;
  readonly logMax: number;
  /** Adds a step. `broken` = the rule that the step itself breaks. */
  readonly add: (label: string, next: State, broken?: string | null) => void;
  readonly addFault: (label: string, next: State) => void;
}

export function turnOf(about: Pick<Turn, 's' | 'rules' | 'excused' | 'logMax'>): {
  turn: Turn;
  out: Step<State>[];
} {
  const out: Step<State>[] = [];
  const add: Turn['add'] = (label, next, broken = null) => {
    out.push({ label, fault: false, next, broken });
  };
  const addFault: Turn['addFault'] = (label, next) => {
    out.push({ label, fault: true, next, broken: null });
  };
  return { turn: { ...about, add, addFault }, out };
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

/**
 * Freezes in Postgres for a rollback. Answers what that breaks: there must have been one. `by` null = by
 * one during whose freeze no lane serves.
 */
export function frozen(
  s: State,
  by: Stranger | null,
  excused: ReadonlySet<Stranger>,
): { next: State; broken: string | null } {
  const { postgres: pg, rolledBack } = s;
  const broken = rolledBack || pg.frozen ? null : 'a lane is frozen that was not rolled back';
  return {
    next: withPostgres(s, { frozen: true, reason: true, untold: isUntold(s, by, excused) }),
    broken,
  };
}

/** It serves, and will hear of a freeze with the trimmer's next round. */
export const isUntold = (s: State, by: Stranger | null, excused: ReadonlySet<Stranger>): boolean =>
  s.postgres.untold || (by !== null && excused.has(by) && !s.postgres.frozen && isOpen(s));

/** The lane answers batches over a connection to this server. */
export const isOpen = (s: State): boolean =>
  s.redis.marker && s.redis.verified === s.redis.run && s.redis.flag === 0;
