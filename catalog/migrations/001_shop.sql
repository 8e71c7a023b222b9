-- The available half. Written by catalog only; the sale half reads `shop.listed` and nothing else.
CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE shop.products (
  id            text PRIMARY KEY,              -- prd_…, made at registration
  vendor_id     text NOT NULL,                 -- no foreign key: the halves are linked by id only
  name          text NOT NULL,
  description   text NOT NULL,
  price         bigint NOT NULL CHECK (price >= 0), -- list price, minor units
  currency      text NOT NULL,
  sku           text,
  category      text,
  brand         text,
  images        text[] NOT NULL DEFAULT '{}',
  attributes    jsonb NOT NULL DEFAULT '{}',   -- free, the vendor's own
  variant_of    text,                          -- the product of which this is a size, a colour, …
  options       jsonb NOT NULL DEFAULT '{}',   -- what makes it that variant: {"size": "42"}
  delivery      jsonb,                         -- rules as registered; NULL = everywhere
  version       integer NOT NULL CHECK (version > 0), -- of the event that wrote the row
  registered_at timestamptz NOT NULL,
  listed_at     timestamptz NOT NULL DEFAULT now(), -- when the row came here first
  updated_at    timestamptz NOT NULL DEFAULT now(),
  withdrawn_at  timestamptz
);
-- The variants of a product in the order in which they are shown.
CREATE INDEX products_variants ON shop.products(variant_of, registered_at, id)
  WHERE variant_of IS NOT NULL;
CREATE INDEX products_vendor ON shop.products(vendor_id, registered_at DESC, id);

-- A product is listed once its row is here and its standing sale is installed and credited; the
-- sale half knows the second and reads the first from this view.
CREATE VIEW shop.listed AS SELECT id AS product_id FROM shop.products;
