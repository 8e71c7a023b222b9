-- A refusal forgets what its key stood for only when nobody else asks by the same key: another ask may
-- be accepted after it, and the key must then never choose another sale.
ALTER TABLE sale.checkouts ADD COLUMN asking integer NOT NULL DEFAULT 1; -- asks that were not refused
