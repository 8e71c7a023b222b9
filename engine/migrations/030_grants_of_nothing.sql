-- A vendor who sets what is free to what is free asks for nothing; under a key that is kept all the same,
-- as a grant of nothing, so that asking once more does not count what was sold meanwhile.
ALTER TABLE sale.moves DROP CONSTRAINT moves_units_check;
ALTER TABLE sale.moves ADD CONSTRAINT moves_units_check
  CHECK (units > 0 OR (units = 0 AND kind IN ('fence', 'grant') AND from_sale IS NULL));
