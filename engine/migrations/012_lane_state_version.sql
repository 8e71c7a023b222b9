-- Counts the changes of a lane's state, so that of two looks at it the older one is known.
ALTER TABLE sale.lanes ADD COLUMN state_version bigint NOT NULL DEFAULT 0;

CREATE FUNCTION sale.count_lane_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.state_version := OLD.state_version + 1;
  RETURN NEW;
END $$;

CREATE TRIGGER lane_state BEFORE UPDATE ON sale.lanes FOR EACH ROW
  WHEN ((OLD.state, OLD.reasons, OLD.recovered_epoch)
        IS DISTINCT FROM (NEW.state, NEW.reasons, NEW.recovered_epoch))
  EXECUTE FUNCTION sale.count_lane_state();
