-- Accounts, keys and the outbox of facts that leave Postgres for other topics than `orders`.
CREATE SCHEMA IF NOT EXISTS platform;

CREATE TABLE platform.settings (
  name  text PRIMARY KEY,            -- 'id_secret', 'token_secret', 'lanes', 'currency'
  value text NOT NULL
);

CREATE TABLE platform.vendors (
  id         text PRIMARY KEY,       -- ven_…
  name       text NOT NULL,          -- may repeat
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE platform.api_keys (
  id         text PRIMARY KEY,       -- key_…
  vendor_id  text NOT NULL REFERENCES platform.vendors(id),
  hash       bytea NOT NULL UNIQUE,  -- SHA-256 of the whole key; the key itself is shown once and kept nowhere
  hint       text NOT NULL,          -- last four characters, to tell keys apart
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
CREATE INDEX api_keys_vendor ON platform.api_keys(vendor_id);

-- Read by row state (published_at IS NULL) with FOR UPDATE SKIP LOCKED, never by "id greater than".
CREATE TABLE platform.outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic        text NOT NULL,
  key          text NOT NULL,
  value        jsonb NOT NULL,
  headers      jsonb NOT NULL DEFAULT '{}',
  created_at   timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
);
CREATE INDEX outbox_pending ON platform.outbox(id) WHERE published_at IS NULL;
