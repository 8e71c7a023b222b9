/**
 * Where a list goes on: after which row, in which order and of which query. Opaque to clients; one
 * that was altered, or belongs to another query, is refused.
 */
import { createHash } from 'node:crypto';
import type { Stage } from './plan.ts';
import { stages } from './plan.ts';
import { tierShares } from './ranking.ts';

export interface Position {
  readonly stage: Stage;
  /** Ranked by text are the tiers 0…tier; `rest` = beyond them, by quality. */
  readonly tier: number;
  readonly part: 'ranked' | 'rest';
  /** The last row that was shown: what it was ordered by, and its id. Null = from the beginning. */
  readonly after: readonly [number, string] | null;
}

/** `query` is all that the order and the hits follow from. */
export function writeCursor({ stage, tier, part, after }: Position, query: string): string {
  const fields = [digestOf(query), stages.indexOf(stage), tier, part === 'rest' ? 1 : 0, after];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** Null when it is none of ours, or of another query. */
export function readCursor(cursor: string, query: string): Position | null {
  const fields = parse(cursor);
  if (!Array.isArray(fields) || fields.length !== 5) return null;
  const [digest, at, tier, rest, after] = fields as readonly unknown[];
  const stage = stages[Number(at)];
  if (digest !== digestOf(query) || stage === undefined) return null;
  if (!isTier(tier) || (rest !== 0 && rest !== 1)) return null;
  const row = after === null ? null : rowOf(after);
  if (row === undefined) return null;
  return { stage, tier, part: rest === 1 ? 'rest' : 'ranked', after: row };
}

const isTier = (tier: unknown): tier is number =>
  typeof tier === 'number' && Number.isInteger(tier) && tier >= 0 && tier < tierShares.length;

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

function rowOf(after: unknown): readonly [number, string] | undefined {
  if (!Array.isArray(after) || after.length !== 2) return undefined;
  const [value, id] = after as readonly unknown[];
  if (typeof value !== 'number' || !isRead(value)) return undefined;
  return typeof id === 'string' && idPattern.test(id) ? [value, id] : undefined;
}

/** Printable and plain, like every id of ours. */
const idPattern = /^[!-~]{1,80}$/;

/** Whether Postgres reads it as a `real` and, its fraction cut off, as a `bigint` or a time. */
const isRead = (value: number): boolean =>
  Math.abs(value) <= Number.MAX_SAFE_INTEGER && (value === 0 || Math.abs(value) >= smallest);
const smallest = 1e-30;

const digestOf = (query: string): string =>
  createHash('sha1').update(query).digest('base64url').slice(0, 10);
