-- What recoveries of a lane have found and nobody was told of yet: one that is cut has wiped what it
-- looked at. { found, secured, seen, lost, keptUntil }, NULL = nothing (engine/recover/found.ts).
ALTER TABLE sale.lanes ADD COLUMN recovery_found jsonb;
