-- Orders that a resolution made, by their sale: a lane that is made anew asks for each sale's.
CREATE INDEX quarantine_resolved ON sale.quarantine (order_id COLLATE "C")
  WHERE resolution IN ('voided', 'refunded');
