/**
 * The bytes between TypeScript and Lua. `useRecords: false` because cmsgpack knows no extensions;
 * 64-bit integers as numbers because every one of ours is below 2^53.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { Position } from '../domain/contiguity.ts';

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
export const schemaVersion = 4;

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

/** Reads unsigned integers as msgpack has them, one after the other. */
function readUnsigned(bytes: Buffer, at: number, count: number): number[] | null {
  const values: number[] = [];
  let next = at;
  for (let i = 0; i < count; i++) {
    const tag = bytes[next++] ?? 0xff;
    const size = tag < 0x80 ? 0 : unsignedSizes.get(tag);
    if (size === undefined || next + size > bytes.length) return null;
    if (size === 0) values.push(tag);
    else if (size === 8) values.push(Number(bytes.readBigUInt64BE(next)));
    else values.push(bytes.readUIntBE(next, size));
    next += size;
  }
  return values;
}

const unsignedSizes: ReadonlyMap<number, number> = new Map([
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
]);
/** Of an array of eight. */
const entryTag = 0x98;

/**
 * Where an entry says that it stands, without reading what it holds: a hundredth of the work. Null
 * = not as an entry begins. What says so may still be no entry; `readEntry` tells.
 */
export function positionIn(bytes: Buffer): Position | null {
  const head = bytes[0] === entryTag ? readUnsigned(bytes, 1, 3) : null;
  const [version, epoch, seq] = head ?? [];
  if (version !== entryVersion || epoch === undefined || seq === undefined) return null;
  return { epoch, seq };
}

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
