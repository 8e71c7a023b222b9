-- Details are written under a generation, and count once the lane's record names it. So what a
-- process wrote and did not live to tell the lane belongs to nothing.
ALTER TABLE sale.order_details ADD COLUMN generation integer NOT NULL DEFAULT 1;
ALTER TABLE sale.order_details ALTER COLUMN generation DROP DEFAULT;
ALTER TABLE sale.order_details DROP CONSTRAINT order_details_pkey;
ALTER TABLE sale.order_details ADD PRIMARY KEY (order_id, generation);

-- The generation that an order's hold ended with; 0 = none, or still held.
ALTER TABLE sale.orders ADD COLUMN details integer NOT NULL DEFAULT 0;
UPDATE sale.orders o SET details = 1 FROM sale.order_details d
 WHERE d.order_id = o.id AND o.state <> 'held';
