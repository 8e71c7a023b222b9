-- The line of a sale: its terms, what has settled of it, and the draw. One row for each sale with one.
CREATE TABLE sale.lines (
  sale_id         text PRIMARY KEY REFERENCES sale.sales(id),
  lane            integer NOT NULL,
  mode            text NOT NULL CHECK (mode IN ('queue', 'draw')),
  rate_per_second double precision,            -- turns begun a second; NULL = as stock and turns allow
  turn_seconds    integer NOT NULL,
  factor          double precision NOT NULL,   -- Σ claims ≤ available × factor
  line_max        bigint NOT NULL,             -- joins from there on are refused
  joined          bigint NOT NULL DEFAULT 0,   -- tickets, as settled: indexes are 0 … joined - 1
  chain           bytea NOT NULL DEFAULT '',   -- last link; SHA-256(previous ‖ the entry's entrants)
  bell_n          bigint,                      -- tickets that are drawn; NULL = the bell has not settled
  bell_at         bigint,                      -- lane time, ms
  root            bytea,                       -- the chain at the bell
  beacon_source   text,                        -- the randomness round named at the creation; NULL = none
  beacon          bytea,                       -- its value, raw; '' = none
  seed_shown_at   timestamptz,                 -- after the root, before the draw
  drawn_at        timestamptz,                 -- sale.line_numbers is complete, its commands are written
  numbered_at     bigint                       -- lane time of the last settled `numbers`, ms
);
-- What the drawer looks at: sales whose bell has settled, until every number is given.
CREATE INDEX lines_undrawn ON sale.lines(sale_id) WHERE bell_n IS NOT NULL AND numbered_at IS NULL;
CREATE INDEX lines_lane ON sale.lines(lane);

-- One row for each ticket. Its id is 'tkt_' || substr(sale_id, 5) || key, its entrant the SHA-256 of
-- that as text.
CREATE TABLE sale.tickets (
  sale_id   text NOT NULL,
  index     bigint NOT NULL,                   -- from 0, in the order of joining
  key       text NOT NULL,                     -- the ticket's own part of its id
  shopper   text NOT NULL,
  state     text NOT NULL CHECK (state IN ('waiting', 'admitted', 'finished', 'lapsed', 'left')),
  joined_at bigint NOT NULL,                   -- lane time, ms
  admitted_at bigint,                          -- lane time, ms, of its turn
  turn_ends bigint,                            -- in the hold clock, ms
  claim     bigint,                            -- units that its turn was given
  ended_at  bigint,                            -- lane time, ms: finished, lapsed or left
  PRIMARY KEY (sale_id, index)
);
-- One live ticket for each account.
CREATE UNIQUE INDEX tickets_live ON sale.tickets(sale_id, shopper) WHERE state IN ('waiting', 'admitted');

-- Links of the chain: joins of one outbox entry, in order.
CREATE TABLE sale.line_entries (
  sale_id     text NOT NULL,
  first_index bigint NOT NULL,
  position    text NOT NULL,                   -- epoch-sequence
  count       integer NOT NULL,
  PRIMARY KEY (sale_id, first_index)
);

-- The draw: tickets' indexes in the order of their numbers, one row for each `numbers` command.
-- A ticket that joined after the bell has the number index + 1.
CREATE TABLE sale.line_numbers (
  sale_id text NOT NULL,
  first   bigint NOT NULL,                     -- number of the row's first ticket; numbers count from 1
  indexes bigint[] NOT NULL,
  given   boolean NOT NULL DEFAULT false,      -- its command has settled, and was not refused
  PRIMARY KEY (sale_id, first)
);

-- The number of every ticket that has one: drawn and given to its lane, or given at the join.
CREATE VIEW sale.ticket_numbers AS
SELECT n.sale_id, u.index, n.first + u.place - 1 AS number
  FROM sale.line_numbers n CROSS JOIN LATERAL unnest(n.indexes) WITH ORDINALITY AS u(index, place)
 WHERE n.given
UNION ALL
SELECT t.sale_id, t.index, t.index + 1
  FROM sale.lines l JOIN sale.tickets t ON t.sale_id = l.sale_id AND t.index >= l.bell_n;
