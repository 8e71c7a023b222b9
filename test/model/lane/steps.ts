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

export const withPostgres = (s: State, change: Partial<Postgres>): State => ({
  ...s,
  postgres: { ...s.postgres, ...change },
});

/** Freezes in Postgres for a rollback. Answers what that breaks: there must have been one. */
export function frozen(s: State): { next: State; broken: string | null } {
  const { postgres: pg, rolledBack } = s;
  const broken = rolledBack || pg.frozen ? null : 'a lane is frozen that was not rolled back';
  const untold = pg.untold || (!pg.frozen && s.redis.flag === 0);
  return { next: withPostgres(s, { frozen: true, reason: true, untold }), broken };
}

/** The lane answers batches over a connection to this server. */
export const isOpen = (s: State): boolean =>
  s.redis.marker && s.redis.verified === s.redis.run && s.redis.flag === 0;
