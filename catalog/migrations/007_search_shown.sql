-- What an answer shows of a hit, written out once at the write (search/documents.ts): a search read
-- it from three more tables, which cost more than finding the hit. JSON, cut before its last brace;
-- what is said of delivery depends on who asks and is added there.
ALTER TABLE shop.search ADD COLUMN shown text COLLATE "C";
UPDATE shop.search s SET shown = left(json_build_object(
  'id', p.id, 'name', p.name, 'brand', p.brand, 'category', p.category, 'image', p.images[1],
  'price', json_build_object('amount', s.price, 'currency', p.currency),
  'list_price', json_build_object('amount', s.list_price, 'currency', p.currency),
  'discount_percent', CASE WHEN s.list_price = 0 THEN 0
    ELSE greatest(0, s.list_price - s.price) * 100 / s.list_price END,
  'availability', ('{sold_out,coming,low,in_stock}'::text[])[s.availability + 1],
  'variants', (SELECT count(*) FROM shop.products v WHERE v.variant_of = p.id AND v.withdrawn_at IS NULL)
)::text, -1) || CASE WHEN s.sale IS NULL THEN '' ELSE ',"sale":' || (
  '{"admission": "open"}'::jsonb || s.sale ||
  jsonb_build_object('price', jsonb_build_object('amount', s.sale -> 'price', 'currency', p.currency))
)::text END
FROM shop.products p WHERE p.id = s.product_id COLLATE "default";
DELETE FROM shop.search WHERE shown IS NULL;
ALTER TABLE shop.search ALTER COLUMN shown SET NOT NULL;
