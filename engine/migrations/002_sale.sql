-- The consistent half. Written by api (registrations, creations, details) and worker (settlement).
CREATE SCHEMA IF NOT EXISTS sale;

-- One row per lane. The row lock on `watermarks` serialises settlers and verifiers of a lane.
CREATE TABLE sale.lanes (
  lane            integer PRIMARY KEY,
  epoch           integer NOT NULL,
  recovered_epoch integer NOT NULL DEFAULT 0,  -- the epoch that the last `recover` began; older ones are not compared
  run_id          text,                        -- the Redis server for which this epoch was begun
  state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'frozen')),
  reasons         jsonb NOT NULL DEFAULT '[]', -- [{code, detail, at}]
  token           text,                        -- recovery token
  last_command    bigint NOT NULL DEFAULT 0
);

CREATE TABLE sale.epochs (
  lane     integer NOT NULL REFERENCES sale.lanes(lane),
  epoch    integer NOT NULL,
  ended_at bigint,                             -- last position of the epoch; -1 = none; NULL = current
  ended_by text CHECK (ended_by IN ('verifier', 'recover')),
  PRIMARY KEY (lane, epoch)
);

CREATE TABLE sale.watermarks (
  lane         integer PRIMARY KEY REFERENCES sale.lanes(lane),
  epoch        integer NOT NULL,
  seq          bigint NOT NULL,                -- last settled position; -1 = none of this epoch
  lane_time    bigint NOT NULL DEFAULT 0,      -- ms, of the last settled entry
  decided      bigint NOT NULL DEFAULT 0,      -- decisions settled, over all epochs
  kafka_offset bigint NOT NULL DEFAULT -1,     -- next offset to read; -1 = from the beginning
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sale.registrations (
  id            text PRIMARY KEY,              -- prd_…, derived from vendor and idempotency key when there is one
  vendor_id     text NOT NULL REFERENCES platform.vendors(id),
  body          jsonb NOT NULL,                -- what the vendor sent, checked
  fingerprint   text NOT NULL,                 -- of the body: another body under the same key is refused
  status        text NOT NULL DEFAULT 'accepted' CHECK (status IN ('accepted', 'rejected')),
  reason        text,
  supply        bigint NOT NULL,               -- Σ allotted + in transit, over all sales of the product
  standing_sale text,
  registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX registrations_vendor ON sale.registrations(vendor_id, registered_at);

CREATE TABLE sale.sales (
  id              text PRIMARY KEY,            -- sal_…; names its lane
  lane            integer NOT NULL REFERENCES sale.lanes(lane),
  vendor_id       text NOT NULL REFERENCES platform.vendors(id),
  kind            text NOT NULL CHECK (kind IN ('standing', 'flash')),
  state           text NOT NULL CHECK (state IN
                    ('creating', 'scheduled', 'live', 'paused', 'closing', 'closed', 'cancelled')),
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz,                 -- NULL = no end (standing)
  limit_per_shopper integer NOT NULL,
  hold_seconds    integer NOT NULL,
  who             text NOT NULL CHECK (who IN ('verified', 'anyone')),
  admission       jsonb NOT NULL,
  currency        text NOT NULL,
  seed            bytea,                       -- of the draw; NULL for the standing sale
  fingerprint     text,                        -- of the creating body
  installed       boolean NOT NULL DEFAULT false,
  cancel_reason   jsonb,                       -- problem of a cancelled creation
  close_requested boolean NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL DEFAULT now(),
  opened_at       timestamptz,
  closed_at       timestamptz
);
CREATE INDEX sales_vendor ON sale.sales(vendor_id, created_at);
CREATE INDEX sales_open ON sale.sales(state, starts_at) WHERE kind = 'flash';

CREATE TABLE sale.sale_items (
  sale_id     text NOT NULL REFERENCES sale.sales(id),
  item        integer NOT NULL,                -- from 0, the order of the creating body
  product_id  text NOT NULL,
  price       bigint NOT NULL,                 -- minor units
  list_price  bigint NOT NULL,
  asked       bigint NOT NULL,                 -- units asked for at creation
  allotted    bigint NOT NULL DEFAULT 0,       -- as settled
  last_number bigint NOT NULL DEFAULT 0,       -- highest unit number in existence, as settled
  PRIMARY KEY (sale_id, item)
);
CREATE INDEX sale_items_product ON sale.sale_items(product_id);

-- Every change of allotted. A move is a debit (NULL for a grant), then a credit (NULL for a withdraw).
CREATE TABLE sale.moves (
  id             text PRIMARY KEY,             -- mov_…
  kind           text NOT NULL CHECK (kind IN ('grant', 'fence', 'return', 'restock', 'withdraw')),
  product_id     text NOT NULL,
  from_sale      text,
  from_item      integer,
  to_sale        text,
  to_item        integer,
  units          bigint NOT NULL CHECK (units > 0),
  group_id       text,                         -- the creation that a fence belongs to (a sale id)
  state          text NOT NULL CHECK (state IN 
                   ('asked', 'debited', 'refused', 'crediting', 'done', 'undoing', 'undone')),
  reason         text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  settled_at     timestamptz
);
CREATE INDEX moves_group ON sale.moves(group_id);
CREATE INDEX moves_product ON sale.moves(product_id);

CREATE TABLE sale.lane_commands (
  lane       integer NOT NULL REFERENCES sale.lanes(lane),
  number     bigint NOT NULL,
  kind       text NOT NULL,
  sale_id    text NOT NULL,
  move_id    text,
  body       jsonb NOT NULL,
  outcome    jsonb,                            -- as settled; NULL = not yet
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  PRIMARY KEY (lane, number)
);
CREATE INDEX lane_commands_open ON sale.lane_commands(lane, number) WHERE outcome IS NULL;
CREATE INDEX lane_commands_sale ON sale.lane_commands(sale_id, number);

-- One row per order. A hold is one line of one sale, so the line stands in the row itself: a row of
-- its own would be a second insert and a second index on the settlement's path. Lines of a cart
-- (several sales) will be rows beside it.
CREATE TABLE sale.orders (
  id              text COLLATE "C" PRIMARY KEY, -- ord_…, as shown; begins with its sale, so a sale's orders are a range
  shopper         text COLLATE "C" NOT NULL,
  state           text NOT NULL,
  version         integer NOT NULL,
  item            integer NOT NULL,
  units           bigint[] NOT NULL,
  price           bigint NOT NULL,             -- minor units, for one unit, as accepted
  held_at         bigint NOT NULL,             -- lane time, ms
  hold_expires_at bigint NOT NULL,             -- ms
  ended_at        bigint,                      -- lane time of paid, released or expired
  fingerprint     bigint NOT NULL,             -- of the command's body; rebuilds the lane's record
  end_key         text NOT NULL DEFAULT '',    -- of the command that ended the hold
  end_fingerprint bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 75);
CREATE INDEX orders_shopper ON sale.orders(shopper, held_at DESC);

-- The wall: a unit belongs to one order or to none. Rows are made by the first claim.
CREATE TABLE sale.units (
  sale_id  text COLLATE "C" NOT NULL,
  item     integer NOT NULL,
  number   bigint NOT NULL,
  order_id text COLLATE "C",                   -- NULL = free
  PRIMARY KEY (sale_id, item, number)
) WITH (fillfactor = 75);

-- What Postgres decides after a hold has ended; held, paid, released and expired stand in the order.
CREATE TABLE sale.order_events (
  order_id text COLLATE "C" NOT NULL,
  version  integer NOT NULL,                   -- of the order, after the event
  at       bigint NOT NULL,                    -- ms
  type     text NOT NULL,
  PRIMARY KEY (order_id, version)
);

-- Double entry, append-only; each posting's amounts add up to zero.
CREATE TABLE sale.ledger (
  posting  text COLLATE "C" NOT NULL,          -- order id and what happened to it
  account  text COLLATE "C" NOT NULL,          -- 'receivable', 'vendor:ven_…'
  amount   bigint NOT NULL,
  currency text NOT NULL,
  at       bigint NOT NULL,
  PRIMARY KEY (posting, account)
);

-- The only places of e-mail and address.
CREATE TABLE sale.order_details (
  order_id   text COLLATE "C" PRIMARY KEY,
  shopper    text NOT NULL,
  email      text NOT NULL,
  address    jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sale.addresses (
  shopper    text PRIMARY KEY,
  email      text,
  address    jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sale.quarantine (
  lane       integer NOT NULL,
  epoch      integer NOT NULL,
  seq        bigint NOT NULL,
  index      integer NOT NULL,                 -- of the event in its entry
  order_id   text,
  reason     text NOT NULL,
  event      jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  resolution text,
  PRIMARY KEY (lane, epoch, seq, index)
);
CREATE INDEX quarantine_order ON sale.quarantine(order_id) WHERE resolved_at IS NULL;
