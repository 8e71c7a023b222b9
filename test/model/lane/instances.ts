/** How much of everything there is in one search: processes, decisions, and how often each fault may strike. */
import type { Budget, Instance } from './state.ts';

const nothing: Budget = {
  decisions: 0,
  restarts: 0,
  emptied: 0,
  forgets: 0,
  lostReplies: 0,
  kafkaCuts: 0,
  kafkaAnew: 0,
  trims: 0,
  walls: 0,
};

type Wanted = Partial<Budget> & Partial<Omit<Instance, 'budget'>>;

/** One process of each kind and no recovery, unless said. */
export function instanceOf(wanted: Wanted): Instance {
  const {
    apis = 1,
    relays = 1,
    verifiers = 1,
    recoveries = 0,
    settlers = 1,
    trimmers = 1,
  } = wanted;
  const { logMax = 6 } = wanted;
  const names = Object.keys(nothing) as (keyof Budget)[];
  const given = names.map((name) => [name, wanted[name] ?? nothing[name]]);
  const budget = Object.fromEntries(given) as unknown as Budget;
  return { apis, relays, verifiers, recoveries, settlers, trimmers, logMax, budget };
}

export const inWords = (wanted: Wanted): string =>
  Object.entries(wanted)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

/** Searched in full by every run of the tests. */
export const always: readonly Wanted[] = [
  { decisions: 2, restarts: 2, verifiers: 2 },
  { decisions: 2, restarts: 2, apis: 2 },
  { decisions: 2, restarts: 1, apis: 2, relays: 2, forgets: 1, lostReplies: 1 },
  { decisions: 3, restarts: 1, kafkaCuts: 1, trims: 1 },
  { decisions: 2, restarts: 1, kafkaCuts: 1, relays: 2 },
  { decisions: 2, kafkaCuts: 1, kafkaAnew: 1, trims: 1, relays: 2 },
  { decisions: 2, restarts: 1, recoveries: 1 },
  { decisions: 1, restarts: 2, recoveries: 1 },
  { decisions: 1, restarts: 1, recoveries: 1, verifiers: 2 },
  { decisions: 2, recoveries: 2 },
  { decisions: 2, emptied: 1, recoveries: 1, relays: 2 },
  { decisions: 2, kafkaCuts: 1, kafkaAnew: 1, recoveries: 1 },
  { decisions: 2, walls: 1, restarts: 1, trimmers: 2 },
  { decisions: 1, walls: 1, restarts: 1, recoveries: 1 },
];

/** Added by MODEL_DEPTH=deep. */
export const deep: readonly Wanted[] = [
  { decisions: 1, restarts: 1, recoveries: 2 },
  { decisions: 2, restarts: 1, kafkaCuts: 1, recoveries: 1 },
  { decisions: 1, restarts: 1, recoveries: 1, forgets: 1, relays: 2 },
  { decisions: 3, restarts: 2, verifiers: 2 },
  { decisions: 2, walls: 1, restarts: 1, recoveries: 1 },
  { decisions: 1, walls: 1, restarts: 1, recoveries: 1, trimmers: 2 },
];
