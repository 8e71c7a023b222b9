-- The window says of a cart which of its lines are not ordered together with the others.
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
  i.claimed,                                   -- held or sold
  CASE
    WHEN s.state = 'scheduled' THEN 'coming'
    WHEN s.state IN ('closing', 'closed') THEN 'sold_out' -- nothing can be taken any more
    WHEN i.allotted - i.claimed <= 0 THEN 'sold_out'
    WHEN (i.allotted - i.claimed) * 10 <= i.allotted THEN 'low' -- a tenth or less is left
    ELSE 'in_stock'
  END AS band,
  -- lane time of the last settled entry: what happened later is not in this row
  CASE WHEN w.lane_time > 0 THEN to_timestamp(w.lane_time / 1000.0) ELSE w.updated_at END AS as_of,
  s.who,
  s.limit_per_shopper,
  coalesce(l.mode, 'open') AS admission,       -- open, queue or draw
  s.lane                                       -- what is ordered together is of one
FROM sale.sales s
JOIN sale.sale_items i ON i.sale_id = s.id
LEFT JOIN sale.watermarks w ON w.lane = s.lane
LEFT JOIN sale.lines l ON l.sale_id = s.id
WHERE s.state NOT IN ('creating', 'cancelled')
  AND NOT (s.withdrawn_at IS NOT NULL AND s.opened_at IS NULL);
