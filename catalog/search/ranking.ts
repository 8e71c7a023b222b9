/**
 * What decides the order of hits, all of it: which field weighs what, how availability and
 * popularity are mixed in, and how many of a common word's hits are ranked. Pure.
 */
import type { availabilities } from '../../platform/window/answers.ts';

/** What can be turned, so that a benchmark can show what each is worth. */
export interface Ranking {
  /** Of a product's fields, by the letter of their weight in `shop.search.words`. */
  readonly fields: Readonly<Record<'A' | 'B' | 'C' | 'D', number>>;
  /** What several words that stand close together add to what they are worth one by one. */
  readonly closeness: number;
  /** How much quality may add to the rank of the text: 0.3 = three tenths of it again. */
  readonly quality: number;
  /** Where little is found: words near those typed, and hits that lack some of them. */
  readonly near: boolean;
}

export const defaultRanking: Ranking = {
  fields: {
    A: 1, // name
    B: 0.4, // brand and category
    C: 0.2, // attributes, options, names of variants
    D: 0.1, // description
  },
  closeness: 1,
  quality: 0.3,
  near: true,
};

export type Availability = (typeof availabilities)[number];

const worthOf: Readonly<Record<Availability, number>> = {
  sold_out: 0,
  coming: 0.4,
  low: 0.9,
  in_stock: 1,
};

const availabilityShare = 0.6;
const popularityShare = 0.39;
/** Breaks ties between equals, so that tiers of a new shop have their sizes. */
const tieShare = 0.01;
/** Units sold that count as wholly popular; from there on more of them change nothing. */
const popularFrom = 10_000;

/**
 * 0…1: how much a product deserves to be seen, whatever was asked for. `units` are held or sold;
 * `tie` is any fixed number of the product from 0 to 1.
 */
export function qualityOf(availability: Availability, units: number, tie: number): number {
  const popularity = Math.min(1, Math.log1p(units) / Math.log1p(popularFrom));
  return availabilityShare * worthOf[availability] + popularityShare * popularity + tieShare * tie;
}

/**
 * Added for hits that hold every word as typed, where other hits are let in too. More than any text
 * is worth: 1 for its words and `closeness`, with quality.
 */
export const exactBonus = 3;

/** Of `ts_rank_cd`: x / (x + 1), so that it is below 1. */
export const below1 = 32;

/** Above this score a difference cannot be seen; scores are whole numbers, so that cursors are exact. */
export const scoreScale = 1_000_000;

/** Fewer hits than this, and near words are let in, then hits without one word, then with any. */
export const fewHits = 5;

/** Counts of facets are exact up to here. */
export const exactCountMax = 1000;

/** Of a query that more products fit, about so many of the best ones are ranked by text. */
export const rankedTarget = 1100;

/** What one search ranks at most, should the estimate be wrong. */
export const rankedMax = 5000;

/** Share of all products in the tiers 0…k: 1 %, 2 %, 4 %, …, 100 %. */
export const tierShares: readonly number[] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1];
