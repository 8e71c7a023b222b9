-- What a lane is rebuilt from when its Redis has lost it: everything that a record and a clock hold.
ALTER TABLE sale.orders ADD COLUMN deadline bigint; -- of the hold, in the hold clock, ms
UPDATE sale.orders SET deadline = hold_expires_at;
ALTER TABLE sale.orders ALTER COLUMN deadline SET NOT NULL;

-- Total outage of the lane, ms, as of `lane_time`: the hold clock is lane time less this.
ALTER TABLE sale.watermarks ADD COLUMN outage bigint NOT NULL DEFAULT 0;

-- True while the lane counts this as decided and the watermark does not, so that it stays in doubt.
ALTER TABLE sale.quarantine ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;
