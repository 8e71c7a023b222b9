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
  /** When its hold expires unless it ends before. */
  readonly deadline: number;
  readonly held: number;
  /** Infinite = never: it was paid. */
  readonly ended: number;
}

/** A sale as Postgres has it in the end; the standing ones are not in the history. */
export interface Terms {
  readonly id: string;
  readonly kind: 'standing' | 'flash';
  readonly product: string;
  readonly limit: number;
  readonly price: number;
}

export interface Evidence {
  readonly history: History;
  readonly rows: ReadonlyMap<string, Row>;
  readonly terms: ReadonlyMap<string, Terms>;
  /** Ids of an order's lines by each of them, its own first; only of orders with several. */
  readonly linesOf: ReadonlyMap<string, readonly string[]>;
  /** Orders and tickets that may be gone whole. */
  readonly lost: ReadonlySet<string>;
  /** Of which any decision may be gone: of those that are not in `lost`, only later ones. */
  readonly touched: ReadonlySet<string>;
  /** Whether any store lost anything. */
  readonly lossy: boolean;
  readonly wrong: string[];
  /** Redis's clock less the world's: since when, ms. */
  readonly skews: readonly { readonly since: number; readonly ms: number }[];
}

/** From and to when, in the time of whom. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * What lane time may have been within a span of the world's: at least what Redis's clock showed, and at
 * most what it had shown by then, because a lane never goes back.
 */
export function laneSpan({ skews }: Evidence, { from, to }: Span): Span {
  const shown = skews.filter(({ since }) => since <= to);
  const during = shown.filter((_, i) => (shown[i + 1]?.since ?? Infinity) >= from);
  return {
    from: from + Math.min(...during.map(({ ms }) => ms)),
    to: to + Math.max(...shown.map(({ ms }) => ms)),
  };
}

/** By how much Redis's clock has been set forward within a span: so much earlier a deadline may come. */
export function setForward({ skews }: Evidence, { from, to }: Span): number {
  const steps = skews.map(({ since, ms }, i) => ({ since, by: ms - (skews[i - 1]?.ms ?? 0) }));
  const within = steps.filter(({ since, by }) => by > 0 && since >= from && since <= to);
  return within.reduce((sum, { by }) => sum + by, 0);
}
