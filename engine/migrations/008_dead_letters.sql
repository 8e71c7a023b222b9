-- Which dead letters were sent again. The letters themselves stay in Kafka, where nothing of a topic
-- can be marked; their time tells them from those of a topic that was made anew.
CREATE TABLE platform.dead_letter_replays (
  topic       text NOT NULL,              -- of the letters, without the deployment's prefix
  partition   integer NOT NULL,
  "offset"    bigint NOT NULL,
  sent_at     bigint NOT NULL,            -- ms, of the letter, by its producer's clock
  replayed_at timestamptz NOT NULL DEFAULT now(), -- the last time
  PRIMARY KEY (topic, partition, "offset", sent_at)
);
