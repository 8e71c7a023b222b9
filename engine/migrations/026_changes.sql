-- A sale that a vendor makes smaller before its bell gives units back to their standing sale.
ALTER TABLE sale.moves DROP CONSTRAINT moves_kind_check;
ALTER TABLE sale.moves ADD CONSTRAINT moves_kind_check
  CHECK (kind IN ('grant', 'fence', 'unfence', 'return', 'restock', 'withdraw'));
