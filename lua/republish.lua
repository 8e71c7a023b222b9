-- Asks the relay of a lane to publish again from the watermark on.
-- KEYS    republish from, dues
-- ARGV    none
-- Returns 1
-- Cost    constant
-- First, because Redis runs this at any memory use, and what follows it too: what a hole in the topic
-- keeps from settling is what fills the memory.
redis.call('ZREM', KEYS[2], '')
redis.call('SET', KEYS[1], 1)
return 1
