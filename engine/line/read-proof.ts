/** A proof and receipts as they come from outside: read into shapes that the checks can rely on. */
import type { Admission } from '../documents.ts';
import type { UnitLine } from './unit-list.ts';

/** What was downloaded is no proof, or no receipt; the message says which field. */
export class Unreadable extends Error {}

export interface ProofFile {
  readonly sale: string;
  readonly mode: Admission['mode'];
  readonly commitment: string;
  /** Null = not shown yet. */
  readonly seed: Buffer | null;
  readonly beacon: Buffer | null;
  readonly beaconSource: string | null;
  /** By its own word the draw was made without the beacon that was named. */
  readonly beaconSkipped: boolean;
  /** When the bell rang by the lane's clock, ms since 1970. */
  readonly bellAt: number;
  readonly root: Buffer;
  readonly entrantCount: number;
  readonly receiptKey: string;
  readonly entries: readonly { readonly position: string; readonly count: number }[];
  /** 32 bytes each, one after the other, in the order of joining. */
  readonly entrants: Buffer;
  /** In the order of joining; null = not given yet. */
  readonly numbers: readonly number[] | null;
  /** Null = not in the file. */
  readonly units: readonly UnitLine[] | null;
  /** base64url; null = not in the file. */
  readonly unitsSignature: string | null;
}

export interface ReceiptFile {
  /** Null = the file has a receipt only. */
  readonly id: string | null;
  readonly number: number | null;
  readonly position: string;
  readonly index: number;
  readonly digest: string;
  readonly signature: string;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Unreadable(`${what} is no object`);
  }
  return value as Fields;
}

function textOf(of: Fields, name: string): string {
  const value = of[name];
  if (typeof value !== 'string') throw new Unreadable(`\`${name}\` is no text`);
  return value;
}

function modeOf(of: Fields): Admission['mode'] {
  const mode = of['mode'];
  if (mode === 'open' || mode === 'queue' || mode === 'draw') return mode;
  throw new Unreadable('`mode` is none of open, queue and draw');
}

function wholeOf(of: Fields, name: string): number {
  const value = of[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Unreadable(`\`${name}\` is no whole number`);
  }
  return value;
}

function timeOf(of: Fields, name: string): number {
  const at = Date.parse(textOf(of, name));
  if (Number.isNaN(at)) throw new Unreadable(`\`${name}\` is no time`);
  return at;
}

/** `bytes` = how many there must be; undefined = any. */
function hexOf(of: Fields, name: string, bytes?: number): Buffer {
  const text = textOf(of, name);
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new Unreadable(`\`${name}\` is not hex`);
  const value = Buffer.from(text, 'hex');
  if (bytes !== undefined && value.length !== bytes) {
    throw new Unreadable(`\`${name}\` has ${value.length} bytes instead of ${bytes}`);
  }
  return value;
}

function listOf(of: Fields, name: string): readonly unknown[] {
  const value = of[name];
  if (!Array.isArray(value)) throw new Unreadable(`\`${name}\` is no list`);
  return value;
}

const orNull = <T>(of: Fields, name: string, read: (of: Fields, name: string) => T): T | null =>
  of[name] === null ? null : read(of, name);

function entrantsOf(of: Fields): Buffer {
  const list = listOf(of, 'entrants');
  const bytes = Buffer.alloc(list.length * 32);
  for (const [i, entrant] of list.entries()) {
    if (typeof entrant !== 'string' || !/^[0-9a-f]{64}$/.test(entrant)) {
      throw new Unreadable(`\`entrants.${i}\` is not the hex of 32 bytes`);
    }
    bytes.write(entrant, i * 32, 'hex');
  }
  return bytes;
}

function numbersOf(of: Fields): readonly number[] | null {
  if (of['numbers'] === undefined) return null;
  const list = listOf(of, 'numbers');
  const wrong = list.findIndex((n) => !Number.isSafeInteger(n));
  if (wrong >= 0) throw new Unreadable(`\`numbers.${wrong}\` is no whole number`);
  return list as readonly number[];
}

function unitsOf(of: Fields): readonly UnitLine[] | null {
  if (of['units'] === undefined) return null;
  return listOf(of, 'units').map((raw, i) => {
    const unit = fieldsOf(raw, `\`units.${i}\``);
    return {
      product: textOf(unit, 'product_id'),
      unit: wholeOf(unit, 'unit'),
      end: textOf(unit, 'end'),
      order: orNull(unit, 'order', textOf),
    };
  });
}

/** Throws Unreadable. */
export function readProofFile(value: unknown): ProofFile {
  const of = fieldsOf(value, 'the proof');
  return {
    sale: textOf(of, 'sale_id'),
    mode: modeOf(of),
    commitment: textOf(of, 'seed_commitment'),
    seed: orNull(of, 'seed', (fields, name) => hexOf(fields, name, 32)),
    beacon: orNull(of, 'beacon', hexOf),
    beaconSource: orNull(of, 'beacon_source', textOf),
    beaconSkipped: of['beacon_skipped'] === true,
    bellAt: timeOf(of, 'bell_at'),
    root: hexOf(of, 'root'),
    entrantCount: wholeOf(of, 'entrant_count'),
    receiptKey: textOf(of, 'receipt_key'),
    entries: listOf(of, 'entries').map((raw, i) => {
      const entry = fieldsOf(raw, `\`entries.${i}\``);
      return { position: textOf(entry, 'position'), count: wholeOf(entry, 'count') };
    }),
    entrants: entrantsOf(of),
    numbers: numbersOf(of),
    units: unitsOf(of),
    unitsSignature:
      of['units_signature'] === undefined ? null : orNull(of, 'units_signature', textOf),
  };
}

/** The answer to a join, or its `receipt` alone. Throws Unreadable. */
export function readReceiptFile(value: unknown): ReceiptFile {
  const of = fieldsOf(value, 'the receipt');
  const isTicket = of['receipt'] !== undefined;
  if (isTicket && of['receipt'] === null) {
    throw new Unreadable(
      'this answer has no receipt: it has one once the join has settled, if that was before the bell',
    );
  }
  const receipt = isTicket ? fieldsOf(of['receipt'], '`receipt`') : of;
  const number = of['number'];
  return {
    id: isTicket ? textOf(of, 'id') : null,
    number: typeof number === 'number' ? number : null,
    position: textOf(receipt, 'position'),
    index: wholeOf(receipt, 'index'),
    digest: textOf(receipt, 'digest'),
    signature: textOf(receipt, 'signature'),
  };
}
