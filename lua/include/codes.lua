-- Reply codes: >= 0 a success kind, < 0 a refusal. The same table stands in
-- engine/lanes/codes.ts; a test compares the two.
local CODE = {
  done = 0,
  replayed = 1,
  sale_not_started = -1,
  sale_ended = -2,
  sale_paused = -3,
  sold_out = -4,
  limit_reached = -5,
  rate_limited = -6,
  forbidden = -7,
  not_found = -8,
  product_required = -9,
  hold_expired = -10,
  illegal_transition = -11,
  details_required = -12,
  idempotency_key_reused = -13,
  overloaded = -14,
  sale_frozen = -15,
  fault = -16,
  not_admitted = -17,
  line_full = -18,
  draw_closed = -19,
  lines_refused = -20,
}

-- Status of a whole batch: only `ok` has replies, every other one had no effect.
local STATUS = {
  ok = 0,
  no_marker = -1,
  epoch = -2,
  schema = -3,
  frozen = -4,
  rolled_back = -5,
}

-- Order states in a record, sale states in a sale, ticket states.
local HELD, PAID, RELEASED, EXPIRED = 1, 2, 3, 4
local SCHEDULED, LIVE, PAUSED, CLOSING, CLOSED = 0, 1, 2, 3, 4
local WAITING, ADMITTED, FINISHED, LAPSED, LEFT = 1, 2, 3, 4, 5
