/**
 * Explicit-state search, breadth first: visits every state that a model can reach, looks at each
 * step and each state for a broken rule, and then asks whether from every state some way without
 * faults leads to a good one. A finding comes with the shortest interleaving that shows it.
 */
import { HashSet } from './hash-set.ts';
import { Ints } from './ints.ts';

export interface Step<S> {
  /** One line of a counterexample: who did what. */
  readonly label: string;
  /** A fault may break things for good: ways to a good state may not use it. */
  readonly fault: boolean;
  readonly next: S;
  /** What this step itself broke, in words. */
  readonly broken: string | null;
}

export interface Model<S> {
  readonly initial: S;
  steps(state: S): Step<S>[];
  /** Writes small whole numbers; states that differ only by the names of equal processes encode alike. */
  encode(state: S, out: Ints): void;
  /** The rule of states that this one breaks, in words. */
  broken(state: S): string | null;
  /** A state in which nothing is left to do. Absent = liveness is not asked for. */
  good?(state: S): boolean;
  /** Whether this state must have a way to a good one. Absent = every state must. */
  mustRest?(state: S): boolean;
}

export interface Finding {
  readonly what: string;
  readonly trace: readonly string[];
}

export interface Result {
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  /** Null = none in the states visited. */
  readonly finding: Finding | null;
  /** False = the bound on states was reached first. */
  readonly complete: boolean;
}

interface Graph {
  /** By state: where it was first reached from, and by which of that state's steps. */
  readonly parent: Ints;
  readonly choice: Ints;
  /** Steps without a fault, as pairs. */
  readonly from: Ints;
  readonly to: Ints;
  /** 1 = good. */
  readonly good: Ints;
  /** 1 = must have a way to a good one. */
  readonly must: Ints;
}

export function search<S>(model: Model<S>, statesMax: number): Result {
  const seen = new HashSet();
  const encoding = new Ints();
  const live = model.good !== undefined;
  const graph: Graph = {
    parent: new Ints(),
    choice: new Ints(),
    from: new Ints(),
    to: new Ints(),
    good: new Ints(),
    must: new Ints(),
  };
  let steps = 0;
  let depth = 0;
  let level: { state: S; index: number }[] = [];
  const enter = (state: S, parent: number, choice: number, into: typeof level): number => {
    const before = seen.size;
    encoding.clear();
    model.encode(state, encoding);
    const index = seen.add(encoding);
    if (index < before) return index;
    graph.parent.push(parent);
    graph.choice.push(choice);
    graph.good.push(model.good?.(state) === true ? 1 : 0);
    graph.must.push(model.mustRest?.(state) === false ? 0 : 1);
    into.push({ state, index });
    return index;
  };
  const done = (finding: Finding | null, complete: boolean): Result => {
    return { states: seen.size, steps, depth, finding, complete };
  };
  enter(model.initial, -1, -1, level);
  for (; level.length > 0; depth++) {
    const next: typeof level = [];
    for (const { state, index } of level) {
      const wrong = model.broken(state);
      if (wrong !== null) return done({ what: wrong, trace: traceOf(model, graph, index) }, false);
      for (const [choice, step] of model.steps(state).entries()) {
        steps++;
        if (step.broken !== null) {
          const trace = [...traceOf(model, graph, index), step.label];
          return done({ what: step.broken, trace }, false);
        }
        const to = enter(step.next, index, choice, next);
        if (live && !step.fault) {
          graph.from.push(index);
          graph.to.push(to);
        }
      }
      if (seen.size > statesMax) return done(null, false);
    }
    level = next;
  }
  return done(live ? stuck(model, graph, seen.size) : null, true);
}

/** Replays the choices that led to a state. */
function traceOf<S>(model: Model<S>, graph: Graph, index: number): string[] {
  const choices: number[] = [];
  for (let at = index; graph.parent.at(at) >= 0; at = graph.parent.at(at)) {
    choices.push(graph.choice.at(at));
  }
  const trace: string[] = [];
  let state = model.initial;
  for (const choice of choices.reverse()) {
    const step = model.steps(state)[choice];
    if (step === undefined) throw new Error('a model must give the same steps each time');
    trace.push(step.label);
    state = step.next;
  }
  return trace;
}

/** The first state found that must have a way without faults to a good one, and has none. */
function stuck<S>(model: Model<S>, graph: Graph, states: number): Finding | null {
  const { from, to, good, must } = graph;
  const first = new Int32Array(states + 1);
  for (let i = 0; i < to.length; i++) first[to.at(i) + 1] = (first[to.at(i) + 1] ?? 0) + 1;
  for (let i = 0; i < states; i++) first[i + 1] = (first[i + 1] ?? 0) + (first[i] ?? 0);
  const fill = first.slice();
  const sources = new Int32Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const at = fill[to.at(i)] ?? 0;
    sources[at] = from.at(i);
    fill[to.at(i)] = at + 1;
  }
  const reaches = new Uint8Array(states);
  const queue = new Int32Array(states);
  let length = 0;
  for (let i = 0; i < states; i++) {
    if (good.at(i) === 0) continue;
    reaches[i] = 1;
    queue[length++] = i;
  }
  for (let i = 0; i < length; i++) {
    const at = queue[i] ?? 0;
    for (let k = first[at] ?? 0; k < (first[at + 1] ?? 0); k++) {
      const source = sources[k] ?? 0;
      if (reaches[source] === 1) continue;
      reaches[source] = 1;
      queue[length++] = source;
    }
  }
  const index = reaches.findIndex((reached, i) => reached === 0 && must.at(i) === 1);
  if (index < 0) return null;
  return { what: 'no way leads to rest from here', trace: traceOf(model, graph, index) };
}

/** A finding as a page of text: the numbered interleaving, then what it broke. */
export const readable = (finding: Finding): string =>
  [...finding.trace.map((line, i) => `${i + 1}. ${line}`), `=> ${finding.what}`].join('\n');
