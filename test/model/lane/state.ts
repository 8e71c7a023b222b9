/**
 * One lane and all around it as a value: Redis, Kafka, Postgres and the memory of every process.
 * A decision is a small number, in the order in which decisions were taken; its position is looked
 * up. Sets of decisions are bit masks. Nothing here is changed in place.
 */
import type { EpochEnd, Position } from '../../../engine/domain/contiguity.ts';

/** What an AOF brings back. */
export interface LaneData {
  readonly marker: boolean;
  readonly epoch: number;
  /** The outbox's head, -1 = nothing in this epoch. */
  readonly seq: number;
  /** The epoch that the last recovery began; 0 = none. */
  readonly recovered: number;
  readonly outbox: readonly number[];
  /** Decisions that the lane's records know. */
  readonly known: number;
  /** By epoch; undefined = no end told. */
  readonly ends: readonly (number | undefined)[];
  /** 0 = none, -1 = quarantine, 1 = rolled back, above = set by recovery number flag - 1. */
  readonly flag: number;
  /** The highest version of Postgres's state that has set a flag. */
  readonly flagged: number;
  /** Number of the recovery that made it; 0 = none. */
  readonly madeBy: number;
  /** Steps that a rebuild has done here. */
  readonly rebuilt: number;
}

export interface Redis extends LaneData {
  /** The server's start. */
  readonly run: number;
  readonly verified: number;
  readonly republish: boolean;
  /** A copy from before the last recovery. */
  readonly old: LaneData | null;
}

export interface Postgres {
  readonly epoch: number;
  readonly recovered: number;
  readonly run: number;
  readonly frozen: boolean;
  /** A rollback is among the reasons; a recovery freezes without one. */
  readonly reason: boolean;
  /** So is a quarantine. */
  readonly quarantine: boolean;
  /**
   * Frozen by a stranger to the lane while it served (steps.ts), and neither has a trimmer's round
   * told it since nor has it been verified anew: only so long may it answer.
   */
  readonly untold: boolean;
  /** Changes of the state. */
  readonly version: number;
  /** Of the recovery that holds it, as a flag; 0 = none. */
  readonly token: number;
  /** Recoveries begun. */
  readonly recoveries: number;
  readonly epochs: readonly EpochEnd[];
  readonly watermark: Position;
  readonly offset: number;
  readonly settled: number;
  readonly away: number;
  /** Put away because of the wall, watermark and all: the lane keeps them. */
  readonly refused: number;
}

export interface Api {
  readonly seen: Position | null;
  /** Epoch of the lane that answered "rolled back"; 0 = nothing to tell Postgres. */
  readonly tells: number;
  /** The server that answered so; 0 = none. */
  readonly run: number;
}

export interface Relay {
  readonly cursor: Position | null;
  readonly buffer: readonly number[];
}

/** Idle, has read Postgres, has ended the epoch, has read Kafka, has found a rollback. */
export type VerifierStep = 0 | 1 | 2 | 3 | 4;

export interface Verifier {
  readonly at: VerifierStep;
  readonly run: number;
  /** As Postgres had them when it began. */
  readonly epoch: number;
  readonly recovered: number;
  /** What it read of the partition before it ended the epoch: with the old order only. */
  readonly read: number;
  /** All that the partition had when it was read. */
  readonly sawLog: number;
  readonly head: Position;
  /** The epoch to write. */
  readonly next: number;
}

/** Step 0 to 8, 9 = over: see recovery.ts. */
export interface Recovery {
  readonly at: number;
  /** Counted by Postgres: a later one has a higher number. */
  readonly number: number;
  /** The lane's epoch in Postgres when it took the token, then the epoch that it began. */
  readonly epoch: number;
  /** The server that it has flagged. */
  readonly run: number;
  /** What Postgres had settled. */
  readonly snapshot: number;
  /** What was left was put away before the end: without that rule only. */
  readonly putAway: boolean;
  /** A quarantine is left: the lane stays frozen. */
  readonly stays: boolean;
}

export interface Trimmer {
  readonly watermark: Position;
  readonly frozen: boolean;
  readonly reason: boolean;
  readonly quarantine: boolean;
  readonly version: number;
  readonly epoch: number;
  readonly recovered: number;
}

/** A settlement that did not hold the watermark: read, not yet written. */
export interface Settling {
  readonly decision: number;
  readonly watermark: Position;
}

export interface Budget {
  readonly decisions: number;
  readonly restarts: number;
  readonly emptied: number;
  readonly forgets: number;
  readonly lostReplies: number;
  readonly kafkaCuts: number;
  readonly kafkaAnew: number;
  readonly trims: number;
  /** Events that Postgres's wall may refuse. */
  readonly walls: number;
}

export interface State {
  readonly positions: readonly Position[];
  readonly redis: Redis;
  readonly log: readonly number[];
  readonly postgres: Postgres;
  readonly apis: readonly Api[];
  readonly relays: readonly Relay[];
  readonly verifiers: readonly Verifier[];
  readonly recoveries: readonly Recovery[];
  readonly trimmers: readonly (Trimmer | null)[];
  readonly settling: readonly (Settling | null)[];
  readonly left: Budget;
  /** Redis lost a decision, or came back as an older copy, since the last recovery. */
  readonly rolledBack: boolean;
  /**
   * Lost by Redis, published by a late relay at an offset that the settler had passed before Kafka
   * lost its tail: two stores have lost it, and nobody looks there (docs/model.md).
   */
  readonly twiceLost: number;
}

export const bit = (decision: number): number => 1 << decision;
export const has = (mask: number, decision: number): boolean => (mask & (1 << decision)) !== 0;
export const maskOf = (decisions: readonly number[]): number =>
  decisions.reduce((mask, decision) => mask | bit(decision), 0);

export const positionOf = (s: State, decision: number): Position => {
  const position = s.positions[decision];
  if (position === undefined) throw new Error(`no decision ${decision}`);
  return position;
};

export const say = ({ epoch, seq }: Position): string => `${epoch}/${seq}`;
export const sayDecision = (s: State, decision: number): string =>
  `d${decision} at ${say(positionOf(s, decision))}`;

export const replaced = <T>(list: readonly T[], at: number, value: T): T[] =>
  list.map((old, i) => (i === at ? value : old));

export const idleVerifier: Verifier = {
  at: 0,
  run: 0,
  epoch: 0,
  recovered: 0,
  read: 0,
  sawLog: 0,
  head: { epoch: 0, seq: -1 },
  next: 0,
};
export const notBegun: Recovery = {
  at: 0,
  number: 0,
  epoch: 0,
  run: 0,
  snapshot: 0,
  putAway: false,
  stays: false,
};
export const recoveryOver = 9;

export interface Instance {
  readonly apis: number;
  readonly relays: number;
  readonly verifiers: number;
  readonly recoveries: number;
  readonly settlers: number;
  readonly trimmers: number;
  readonly logMax: number;
  readonly budget: Budget;
}

const many = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** A lane as `format` leaves it. */
export function formatted(instance: Instance): State {
  const start = { epoch: 1, seq: -1 };
  return {
    positions: [],
    redis: {
      marker: true,
      ...start,
      recovered: 0,
      outbox: [],
      known: 0,
      ends: [],
      flag: 0,
      flagged: 0,
      madeBy: 0,
      rebuilt: 0,
      run: 1,
      verified: 1,
      republish: false,
      old: null,
    },
    log: [],
    postgres: {
      epoch: 1,
      recovered: 0,
      run: 1,
      frozen: false,
      reason: false,
      quarantine: false,
      untold: false,
      version: 0,
      token: 0,
      recoveries: 0,
      epochs: [{ epoch: 1, end: null, endedBy: null }],
      watermark: start,
      offset: 0,
      settled: 0,
      away: 0,
      refused: 0,
    },
    apis: many(instance.apis, { seen: null, tells: 0, run: 0 }),
    relays: many(instance.relays, { cursor: null, buffer: [] }),
    verifiers: many(instance.verifiers, idleVerifier),
    recoveries: many(instance.recoveries, notBegun),
    trimmers: many(instance.trimmers, null),
    settling: many(instance.settlers, null),
    left: instance.budget,
    rolledBack: false,
    twiceLost: 0,
  };
}
