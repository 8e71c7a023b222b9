-- Registered products as their events tell them: the catalog takes from here what Kafka lost of them.
CREATE VIEW sale.registered AS
SELECT
  r.id,
  r.version,
  r.updated_at,
  r.body || jsonb_build_object(
    'id', r.id,
    'vendor_id', r.vendor_id,
    'version', r.version,
    'withdrawn', r.withdrawn_at IS NOT NULL,
    'price', jsonb_build_object(
      'amount', coalesce((r.body->'price'->>'amount')::numeric,
                         round((r.body->>'price_usd')::numeric * 100)),
      'currency', (SELECT value FROM platform.settings WHERE name = 'currency')),
    'registered_at', to_char(r.registered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  ) AS event
FROM sale.registrations r
WHERE r.status = 'accepted';
