/** What the bench and its crowd, a process of its own, ask and answer each other. */

export interface CrowdSettings {
  readonly url: string;
  /** One socket for each. */
  readonly tokens: readonly string[];
}

/** Milliseconds; times of day are those of this machine's clock, in milliseconds since 1970. */
export interface CrowdCalls {
  begin(settings: CrowdSettings): null;
  /** Every socket is open and welcomed. */
  open(): null;
  /** Everybody watches the sale and has a place before its bell. */
  join(sale: string): null;
  /** The next ticks, each told to everybody. */
  ticks(count: number): readonly TickSeen[];
  /** Everybody has a number. */
  numbers(): NumbersSeen;
  /** All are cut at once, come back, and have the place that they had. */
  cut(): CutSeen;
  end(): null;
}

export interface TickSeen {
  /** From the server's look at the sale until the last socket had it. */
  readonly lastMs: number;
  /** From the first socket to the last. */
  readonly spreadMs: number;
}

export interface NumbersSeen {
  readonly firstAt: number;
  /** When half, and when all had theirs. */
  readonly halfAt: number;
  readonly lastAt: number;
}

export interface CutSeen {
  readonly ms: number;
  /** Resumed by replay, and by a snapshot. */
  readonly replayed: number;
  readonly snapshots: number;
  /** New sessions, places that are others, problems told, connections refused: none is expected. */
  readonly errors: number;
  readonly firstError: string;
}

export type CallName = keyof CrowdCalls;

export interface Call {
  readonly id: number;
  readonly name: CallName;
  readonly argument: unknown;
}

export type CallAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
