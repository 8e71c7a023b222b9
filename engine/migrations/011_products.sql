-- A product changes after its registration. The row is the record of it: `version` counts what was
-- announced on `catalog-changes`, the registration itself being 1.
ALTER TABLE sale.registrations ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE sale.registrations ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE sale.registrations ADD COLUMN withdrawn_at timestamptz;
CREATE INDEX registrations_list ON sale.registrations(vendor_id, registered_at, id);
DROP INDEX sale.registrations_vendor;

-- Standing sales close too, when a price changes: the opener finds them without reading all.
CREATE INDEX sales_closing ON sale.sales(id) WHERE state = 'closing';
