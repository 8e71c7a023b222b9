-- The Idempotency-Key of a vendor's command (as HMAC; NULL = none): an effect is found again by it.
-- A refusal had no effect, so it does not keep the key: the same one may be tried again.
ALTER TABLE sale.sales ADD COLUMN request text;
CREATE UNIQUE INDEX sales_request ON sale.sales(request) WHERE state <> 'cancelled';

ALTER TABLE sale.moves ADD COLUMN request text;
CREATE UNIQUE INDEX moves_request ON sale.moves(request) WHERE state NOT IN ('refused', 'undone');

ALTER TABLE sale.lane_commands ADD COLUMN request text;
CREATE UNIQUE INDEX lane_commands_request ON sale.lane_commands(request)
  WHERE outcome IS NULL OR (outcome->>'ok')::boolean;
