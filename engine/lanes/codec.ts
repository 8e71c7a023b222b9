/**
 * The bytes between TypeScript and Lua. `useRecords: false` because cmsgpack knows no extensions;
 * 64-bit integers as numbers because every one of ours is below 2^53.
 */
import { Packr, Unpackr } from 'msgpackr';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export const pack = (value: unknown): Buffer => packr.pack(value);
export const unpack = (bytes: Buffer): unknown => unpackr.unpack(bytes);

/** Reply of a batch script, still untyped inside. */
export type Reply = readonly [number, ...unknown[]];

/** Header of a batch: see lua/include/gate.lua. */
export interface Header {
  readonly epoch: number;
  readonly seenEpoch: number;
  readonly seenSeq: number;
  readonly memoryFull: boolean;
  readonly inDoubtMax: number;
  readonly inDoubtMaxAgeMs: number;
}

/** Version of everything that a lane stores. Another version is refused by the scripts. */
export const schemaVersion = 3;

export const packHeader = (h: Header): Buffer =>
  packr.pack([
    h.epoch,
    schemaVersion,
    h.seenEpoch,
    h.seenSeq,
    h.memoryFull ? 1 : 0,
    h.inDoubtMax,
    h.inDoubtMaxAgeMs,
  ]);

/** One sale's events in an outbox entry. */
export type SaleEvents = readonly [sale: string, events: readonly (readonly unknown[])[]];

/** An outbox entry = a Kafka message: the decisions of one batch. */
export interface Entry {
  readonly epoch: number;
  readonly seq: number;
  /** Lane time, ms. */
  readonly at: number;
  /** Of the first entry of an epoch: the epoch before and its end (-1 = none). */
  readonly before: readonly [epoch: number, end: number] | null;
  readonly count: number;
  readonly groups: readonly SaleEvents[];
  /** Total outage of the lane, ms: a deadline less this is in the hold clock. */
  readonly outage: number;
}

const entryVersion = 1;

/** Reads an entry. Throws on anything that a lane cannot have written. */
export function readEntry(bytes: Buffer): Entry {
  const value = unpack(bytes);
  if (!Array.isArray(value) || value[0] !== entryVersion || value.length !== 8) {
    throw new Error('not an outbox entry of version 1');
  }
  const [, epoch, seq, at, before, count, groups, outage] = value as unknown[];
  if (
    !Number.isSafeInteger(epoch) ||
    !Number.isSafeInteger(seq) ||
    !Number.isSafeInteger(at) ||
    !Number.isSafeInteger(count) ||
    !Number.isSafeInteger(outage) ||
    !Array.isArray(groups)
  ) {
    throw new Error('malformed outbox entry');
  }
  return {
    epoch: epoch as number,
    seq: seq as number,
    at: at as number,
    before: Array.isArray(before) ? (before as unknown as [number, number]) : null,
    count: count as number,
    groups: groups as SaleEvents[],
    outage: outage as number,
  };
}
