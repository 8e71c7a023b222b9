/**
 * Every Redis key of the engine, and nothing else builds one. All keys of a lane carry its hash
 * tag, so that a lane is one slot of a cluster. lua/README.md says what each holds.
 */
import { saleTag } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';

export interface LaneKeys {
  readonly marker: string;
  readonly frozen: string;
  readonly ends: string;
  readonly clock: string;
  readonly outbox: string;
  readonly watermark: string;
  readonly dues: string;
  readonly lastCommand: string;
  readonly verifiedRun: string;
  readonly republishFrom: string;
  /** How long holds take, by process: a hint that expires. */
  readonly load: string;
  /** Steps that the recovery under way has done. */
  readonly rebuilt: string;
  /** The keys that every batch names first, in the order of the scripts' headers. */
  readonly batch: readonly string[];
}

export function laneKeys(lane: number): LaneKeys {
  const at = (name: string): string => lanePrefix(lane) + name;
  const keys = {
    marker: at('marker'),
    frozen: at('frozen'),
    ends: at('ends'),
    clock: at('clock'),
    outbox: at('outbox'),
    watermark: at('watermark'),
    dues: at('dues'),
    lastCommand: at('last_command'),
    verifiedRun: at('verified_run'),
    republishFrom: at('republish_from'),
    load: at('load'),
    rebuilt: at('rebuilt'),
  };
  return {
    ...keys,
    batch: [
      keys.marker,
      keys.frozen,
      keys.ends,
      keys.clock,
      keys.outbox,
      keys.watermark,
      keys.dues,
      keys.lastCommand,
    ],
  };
}

/** What every key of a lane begins with. */
export const lanePrefix = (lane: number): string => `{lane:${lane}}:`;

/** Appends a sale's four keys: sale, records, due, returned. */
export function pushSaleKeys(keys: string[], lane: number, sale: SaleId): void {
  const tag = saleTag(sale);
  const prefix = lanePrefix(lane);
  keys.push(`${prefix}s:${tag}`, `${prefix}r:${tag}`, `${prefix}d:${tag}`, `${prefix}n:${tag}`);
}

/** Appends the keys of a sale's line beside its tickets: waiting, turns, present, parked, gone. */
export function pushLineKeys(keys: string[], lane: number, sale: SaleId): void {
  const tag = saleTag(sale);
  const prefix = lanePrefix(lane);
  for (const name of 'wtpag') keys.push(`${prefix}${name}:${tag}`);
}

/** Matches every key that `pushSaleKeys` and `pushLineKeys` give the sales of a lane; each ends in `:` + its tag. */
export const saleKeyPattern = (lane: number): string => `{lane:${lane}}:?:*`;

export const leaseKey = (lane: number, loop: string): string => `${lanePrefix(lane)}lease:${loop}`;
