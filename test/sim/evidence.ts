/** What a run is judged by: what its shoppers were told, and what Postgres has in the end. */
import type { History } from './history.ts';

/** An order as Postgres has it in the end; times in virtual ms since 1970. */
export interface Row {
  readonly id: string;
  readonly sale: string;
  readonly shopper: string;
  readonly state: string;
  readonly units: readonly number[];
  readonly price: number;
  readonly held: number;
  /** Infinite = never: it was paid. */
  readonly ended: number;
}

export interface Evidence {
  readonly history: History;
  readonly rows: ReadonlyMap<string, Row>;
  /** Of which a decision may be gone. */
  readonly lost: ReadonlySet<string>;
  /** Whether any store lost anything. */
  readonly lossy: boolean;
  readonly wrong: string[];
}
