/** Reply codes of the scripts: the same table as lua/include/codes.lua; a test compares the two. */
export const code = {
  done: 0,
  replayed: 1,
  sale_not_started: -1,
  sale_ended: -2,
  sale_paused: -3,
  sold_out: -4,
  limit_reached: -5,
  rate_limited: -6,
  forbidden: -7,
  not_found: -8,
  product_required: -9,
  hold_expired: -10,
  illegal_transition: -11,
  details_required: -12,
  idempotency_key_reused: -13,
  overloaded: -14,
  sale_frozen: -15,
  fault: -16,
  not_admitted: -17,
  line_full: -18,
  draw_closed: -19,
  lines_refused: -20,
} as const;

/** Status of a whole batch: only `ok` has replies, every other one had no effect. */
export const status = {
  ok: 0,
  no_marker: -1,
  epoch: -2,
  schema: -3,
  frozen: -4,
  rolled_back: -5,
} as const;

/** Why a lane refused a whole batch or a lane command, in words. `why` = what the script said. */
export function refusalOf(state: unknown, why: unknown): string {
  if (state === status.no_marker) return 'no marker';
  if (state === status.schema) return 'the lane has another schema version';
  return `frozen: ${typeof why === 'string' ? why : ''}`;
}

/** By number, for metrics and stats. */
export const codeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(code).map(([name, number]) => [number, name]),
);

/** Commands of a shop batch, by their number in lua/shop.lua. */
export const op = {
  hold: 1,
  pay: 2,
  release: 3,
  details: 4,
  read: 5,
  count: 6,
  reap: 7,
  touch: 8,
  together: 9,
} as const;

/** Commands of a batch of the line, by their number in lua/line.lua. */
export const lineOp = {
  join: 1,
  leave: 2,
  ticket: 3,
  seen: 4,
  admit: 5,
  lapse: 6,
  line: 7,
} as const;

/** By their number in a record, from 1. */
export const ticketStates = ['waiting', 'admitted', 'finished', 'lapsed', 'left'] as const;
/** By their number in a sale's terms. */
export const lineModes = ['open', 'queue', 'draw'] as const;
export const orderStates = ['held', 'paid', 'released', 'expired'] as const;
export const saleStates = ['scheduled', 'live', 'paused', 'closing', 'closed'] as const;
