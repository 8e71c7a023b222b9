-- The window says which sale takes a cart's line: for whom a sale is, and how many one may buy.
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
  i.allotted,
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
WHERE s.state NOT IN ('creating', 'cancelled');

-- Saved addresses are the window's: it keeps and serves them, and works without the sale half.
DROP TABLE sale.addresses;
