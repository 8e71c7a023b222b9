-- Imports of products. The file is kept in pieces of one size; it is a job once all of it is there,
-- and `position` moves in the transaction that registers the rows before it, so that whoever goes on
-- with a job registers nothing twice.
CREATE TABLE sale.import_pieces (
  upload     text NOT NULL,
  piece      integer NOT NULL,                 -- from 0; all but the last have the same size
  bytes      bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (upload, piece)
);
ALTER TABLE sale.import_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE sale.import_jobs (
  id            text PRIMARY KEY,              -- job_…, from vendor and idempotency key when there is one
  vendor_id     text NOT NULL REFERENCES platform.vendors(id),
  fingerprint   text NOT NULL,                 -- of the file and how it is read
  upload        text NOT NULL,
  bytes         bigint NOT NULL,
  format        text NOT NULL CHECK (format IN ('ndjson', 'csv')),
  dry_run       boolean NOT NULL,
  status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed')),
  columns       jsonb,                         -- of a CSV file, once its header was read
  rows          bigint,                        -- NULL before they were counted
  done          bigint NOT NULL DEFAULT 0,     -- rows that were looked at
  refused       bigint NOT NULL DEFAULT 0,     -- of those, rows at fault
  position      bigint NOT NULL DEFAULT 0,     -- of the first byte that was not looked at
  claimed_until timestamptz NOT NULL DEFAULT '-infinity', -- saves two from doing the same; no more
  touched_at    timestamptz NOT NULL DEFAULT now(),
  created_at    timestamptz NOT NULL DEFAULT now(),
  ended_at      timestamptz
);
CREATE INDEX import_jobs_running ON sale.import_jobs(touched_at) WHERE status = 'running';
CREATE INDEX import_jobs_ended ON sale.import_jobs(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE sale.import_errors (
  job    text NOT NULL REFERENCES sale.import_jobs(id) ON DELETE CASCADE,
  row    bigint NOT NULL,                      -- from 1
  code   text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (job, row)
);
