-- Products whose standing sale is still to be opened: an import waits for them.
CREATE INDEX registrations_unopened ON sale.registrations(id)
  WHERE standing_sale IS NULL AND status = 'accepted';
