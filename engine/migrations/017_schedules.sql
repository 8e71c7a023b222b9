-- A schedule: sales at a local time in a zone, on dates or by a rule. Each occurrence is a row of
-- sale.sales of its own, made a week ahead, its units fenced shortly before its bell.
CREATE TABLE sale.schedules (
  id          text PRIMARY KEY,                -- sch_…
  vendor_id   text NOT NULL REFERENCES platform.vendors(id),
  local_time  text NOT NULL,                   -- HH:MM or HH:MM:SS
  time_zone   text NOT NULL,                   -- IANA
  dates       text[],                          -- local dates; NULL = by the rule
  rrule       text,                            -- names dates; UNTIL is one of them
  starts_on   text NOT NULL,                   -- local date from which the rule counts
  terms       jsonb NOT NULL,                  -- of every occurrence, as they were asked for
  state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'ended', 'cancelled')),
  made_until  timestamptz NOT NULL,            -- occurrences with a bell before it have been made
  next_at     timestamptz,                     -- when there is one to make; NULL = never
  notice      jsonb,                           -- why the last one could not be made
  fingerprint text NOT NULL,                   -- of the creating body
  request     text,                            -- HMAC of vendor and Idempotency-Key
  created_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((dates IS NULL) <> (rrule IS NULL))
);
CREATE UNIQUE INDEX schedules_request ON sale.schedules(request);
CREATE INDEX schedules_due ON sale.schedules(next_at) WHERE state = 'active';
CREATE INDEX schedules_vendor ON sale.schedules(vendor_id, created_at, id);

ALTER TABLE sale.sales
  ADD COLUMN schedule_id  text REFERENCES sale.schedules(id),
  ADD COLUMN local_date   text,                -- as the schedule names it
  ADD COLUMN fence_at     timestamptz,         -- when its units will be taken; NULL = they were
  ADD COLUMN withdrawn_at timestamptz,         -- cancelled before its bell: a close was written
  ADD COLUMN notice       jsonb;               -- what its vendor has to know
CREATE UNIQUE INDEX sales_occurrence ON sale.sales(schedule_id, local_date)
  WHERE schedule_id IS NOT NULL;
CREATE INDEX sales_fence ON sale.sales(fence_at) WHERE fence_at IS NOT NULL;

-- The bell waits for one credit an item. An item of which there is nothing gets a credit of nothing.
ALTER TABLE sale.moves DROP CONSTRAINT moves_units_check;
ALTER TABLE sale.moves ADD CONSTRAINT moves_units_check
  CHECK (units > 0 OR (units = 0 AND kind = 'fence' AND from_sale IS NULL));

-- What was withdrawn before its bell was never offered; before its units are taken, what was asked
-- for is what there will be.
CREATE OR REPLACE VIEW sale.storefront AS
SELECT
  s.id AS sale_id,
  i.product_id,
  s.kind,
  s.state,
  i.price,                                     -- minor units
  i.list_price,
  s.starts_at,
  s.ends_at,                                   -- NULL = no end
  CASE
    WHEN s.fence_at IS NOT NULL THEN i.asked
    WHEN s.kind = 'flash' AND s.state IN ('closing', 'closed') THEN i.asked + (
      SELECT coalesce(sum(m.units), 0)::bigint     -- topped up
      FROM sale.moves m
      WHERE m.product_id = i.product_id AND m.to_sale = s.id AND m.to_item = i.item
        AND m.kind IN ('grant', 'fence') AND m.group_id <> s.id AND m.state = 'done')
    ELSE i.allotted
  END AS allotted,
  u.claimed,                                   -- held or sold
  CASE
    WHEN s.state = 'scheduled' THEN 'coming'
    WHEN s.state IN ('closing', 'closed') THEN 'sold_out' -- nothing can be taken any more
    WHEN i.allotted - u.claimed <= 0 THEN 'sold_out'
    WHEN (i.allotted - u.claimed) * 10 <= i.allotted THEN 'low' -- a tenth or less is left
    ELSE 'in_stock'
  END AS band,
  -- lane time of the last settled entry: what happened later is not in this row
  CASE WHEN w.lane_time > 0 THEN to_timestamp(w.lane_time / 1000.0) ELSE w.updated_at END AS as_of,
  s.who,
  s.limit_per_shopper
FROM sale.sales s
JOIN sale.sale_items i ON i.sale_id = s.id
LEFT JOIN sale.watermarks w ON w.lane = s.lane
CROSS JOIN LATERAL (
  SELECT count(*) AS claimed
  FROM sale.units
  WHERE sale_id = i.sale_id AND item = i.item AND order_id IS NOT NULL
) u
WHERE s.state NOT IN ('creating', 'cancelled')
  AND NOT (s.withdrawn_at IS NOT NULL AND s.opened_at IS NULL);
