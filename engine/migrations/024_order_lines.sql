-- Lines of an order that has several. Each is a hold of its own, with its own row in sale.orders; the
-- first is the order and gives it its id, the others are parts of it. Written before they are held,
-- and taken away by a refusal, as the checkout that they belong to.
CREATE TABLE sale.order_lines (
  order_id   text COLLATE "C" PRIMARY KEY,     -- of the line
  home       text COLLATE "C" NOT NULL,        -- of the order
  line       integer NOT NULL,                 -- from 0, which is the home
  product_id text NOT NULL,
  quantity   integer NOT NULL,
  UNIQUE (home, line)
);

-- The order, where it has several lines; sale, product and quantity are then the first one's.
ALTER TABLE sale.checkouts ADD COLUMN home text;
