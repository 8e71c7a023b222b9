-- Recoveries are numbered, so that an older one can never take a lane back from a later one.
ALTER TABLE sale.lanes ADD COLUMN recoveries integer NOT NULL DEFAULT 0;
