-- The key by which a ticket was left, as engine/lanes/order-key.ts makes it; '' = without one, or not left.
-- The lane keeps those of a shopper's tickets: a late repeat of a leave must not end a later one.
ALTER TABLE sale.tickets ADD COLUMN left_key text NOT NULL DEFAULT '';
