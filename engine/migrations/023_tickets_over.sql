-- Tickets that are over, by their shopper: whoever asks with the key of an earlier one is told what
-- became of it. Written once for each ticket, when it ends.
CREATE INDEX tickets_over ON sale.tickets(sale_id, shopper)
  WHERE state NOT IN ('waiting', 'admitted');
