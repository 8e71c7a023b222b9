-- By which Idempotency-Key details came (its HMAC), so that a late retry does not undo what came after it.
-- `print` tells the body from another (engine/lanes/order-key.ts): e-mail and address stand elsewhere only.
CREATE TABLE sale.details_requests (
  order_id   text NOT NULL,
  request    text NOT NULL,
  print      text NOT NULL,
  generation integer NOT NULL,
  PRIMARY KEY (order_id, request)
);
