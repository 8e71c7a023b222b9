-- What a shopper's Idempotency-Key asked for: the same request again changes nothing. Neither key nor body
-- is kept in clear. A refusal keeps nothing; after two days a row is forgotten (catalog/guests.ts).
CREATE TABLE shop.requests (
  shopper text COLLATE "C" NOT NULL,
  request text COLLATE "C" NOT NULL,           -- SHA-256 of path and key: the scope of a key is its path
  print   text COLLATE "C" NOT NULL,           -- SHA-256 of method, path and body
  at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shopper, request)
);
CREATE INDEX requests_at ON shop.requests(at);
