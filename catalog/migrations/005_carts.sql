-- What a shopper keeps in the window: cart, wishes, a place. All of it is found by the shopper's
-- id alone; ids of products are not foreign keys, because a product may be withdrawn meanwhile.
CREATE TABLE shop.cart_lines (
  shopper    text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  quantity   integer NOT NULL CHECK (quantity BETWEEN 1 AND 100),
  price      bigint NOT NULL,                  -- minor units, as seen when the line was last put
  available  boolean NOT NULL,                 -- the same
  capped     boolean NOT NULL DEFAULT false,   -- a merge found no room for all of it
  added_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shopper, product_id)
);

CREATE TABLE shop.wishes (
  shopper    text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  price      bigint NOT NULL,                  -- minor units, when it was wished for
  told_price bigint NOT NULL,                  -- the lowest that was told of; at first the same
  missed     boolean NOT NULL,                 -- could not be bought at some time since
  told_back  boolean NOT NULL DEFAULT false,   -- the return since then was told of
  added_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shopper, product_id)
);
-- The watch goes round by product.
CREATE INDEX wishes_product ON shop.wishes(product_id);

-- The saved place: of a guest perhaps only country and postal code. With order details the only
-- place of e-mail and address.
CREATE TABLE shop.addresses (
  shopper    text COLLATE "C" PRIMARY KEY,
  email      text,
  address    jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
