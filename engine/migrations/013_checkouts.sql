-- What a checkout came to, written before its hold: asked again with the same key it is the same
-- hold, whatever the cart holds and the sales cost by then. A refusal takes its row away.
CREATE TABLE sale.checkouts (
  request     text PRIMARY KEY,                -- HMAC of shopper and Idempotency-Key
  fingerprint text NOT NULL,                   -- of the body: another one under the same key is refused
  sale_id     text NOT NULL,
  product_id  text NOT NULL,
  quantity    integer NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);
