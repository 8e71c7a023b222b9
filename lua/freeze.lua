-- Freezes a lane that Postgres says is frozen, or ends what was a copy of a freeze there.
-- KEYS    marker, frozen
-- ARGV    why it is frozen in Postgres ('' = it is not); the epoch that the last recovery began and
--         the version of the lane's state, as the caller read them with that
-- Returns the lane's flag, '' = none
-- Cost    constant
--@include flag

-- First, because Redis runs this at any memory use, and what follows it too.
redis.call('PERSIST', KEYS[2])
return follow(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])) or ''
