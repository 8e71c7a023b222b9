-- What a search reads. One row per product as shoppers see it, its variants folded in; written in
-- the transaction that writes the product (search/documents.ts), so that it is never behind it.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

-- English stems, without accents: `décor` and `decor` are one word.
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION shop.words
  ALTER MAPPING FOR word WITH public.unaccent, english_stem;

-- Vendors have a few rules of delivery for many products: each is kept once and never changes.
CREATE TABLE shop.delivery_rules (
  id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,                -- SHA-256 of the rules' canonical JSON
  rules  jsonb NOT NULL
);

-- What can be filtered by and counted, as numbers: categories with their ancestors, brands,
-- attributes. A label is its kind, a colon and the value in lower case: `b:kuhl`.
CREATE TABLE shop.search_tags (
  id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  label text COLLATE "C" NOT NULL UNIQUE,
  shown text NOT NULL                          -- the value as the first product wrote it
);

CREATE TABLE shop.search (
  product_id    text COLLATE "C" PRIMARY KEY,  -- never a variant of another listed product
  versions      bigint NOT NULL,               -- sum over the product and its variants: is it behind?
  words         tsvector NOT NULL,             -- A name, B brand and category, C attributes, D description
  tags          integer[] NOT NULL,            -- search/tags.ts: > 0 of shop.search_tags, < 0 built in
  delivery_id   integer REFERENCES shop.delivery_rules(id), -- NULL = everywhere
  availability  smallint NOT NULL,             -- 0 sold_out, 1 coming, 2 low, 3 in_stock; best of the family
  price         bigint NOT NULL,               -- minor units, what the cheapest of the family costs now
  list_price    bigint NOT NULL,
  sale          jsonb,                         -- the flash sale that runs, or comes first
  popularity    bigint NOT NULL,               -- units held or sold in the sales that are shown
  quality       real NOT NULL,                 -- 0…1, search/ranking.ts
  tier          smallint NOT NULL,             -- 0 = best; the tag of the same number is in tags
  registered_at timestamptz NOT NULL,
  indexed_at    timestamptz NOT NULL DEFAULT now() -- when words changed last
);
-- One index answers words and filters together, without looking at rows that fail a filter. The
-- pending list is short, because every search reads all of it.
CREATE INDEX search_words ON shop.search USING gin (words, tags) WITH (gin_pending_list_limit = 256);
CREATE INDEX search_quality ON shop.search(quality DESC, product_id);
CREATE INDEX search_price ON shop.search(price, product_id);
CREATE INDEX search_newest ON shop.search(registered_at DESC, product_id);
CREATE INDEX search_popularity ON shop.search(popularity DESC, product_id);
CREATE INDEX search_indexed ON shop.search(indexed_at, product_id);

-- Every word that products use, for typing errors, beginnings of words and suggestions.
CREATE TABLE shop.search_vocabulary (
  word    text COLLATE "C" PRIMARY KEY,        -- lower case, without accents
  lexeme  text COLLATE "C",                    -- its stem; NULL = a stop word
  docs    bigint NOT NULL,                     -- products that use it, about
  titles  bigint NOT NULL                      -- those that use it in name, brand or category
);
CREATE INDEX search_vocabulary_similar ON shop.search_vocabulary USING gin (word public.gin_trgm_ops);
CREATE INDEX search_vocabulary_lexeme ON shop.search_vocabulary(lexeme);

-- How far the loops of search/upkeep.ts came. One row.
CREATE TABLE shop.search_progress (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  counted_at  timestamptz NOT NULL DEFAULT 'epoch', -- vocabulary: up to this row of shop.search
  counted_id  text COLLATE "C" NOT NULL DEFAULT '',
  swept_id    text COLLATE "C" NOT NULL DEFAULT '', -- sales and repairs: up to this product
  -- tiers: the quality from which a product is in tier 0, 1, …; and how many rows that was made for
  tier_bounds real[] NOT NULL DEFAULT '{}',
  tier_docs   bigint NOT NULL DEFAULT 0
);
INSERT INTO shop.search_progress DEFAULT VALUES;
