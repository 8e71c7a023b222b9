-- What a vendor's Idempotency-Key asked for where no move and no lane command keeps it: a product's fields,
-- or what was so already. A refusal keeps nothing.
CREATE TABLE sale.requests (
  request text PRIMARY KEY,                    -- HMAC of the key, as everywhere
  print   text NOT NULL,                       -- of what was asked
  made_at timestamptz NOT NULL DEFAULT now()
);
