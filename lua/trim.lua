-- Brings the lane's copies of watermark and state up to date, trims the outbox up to a settled
-- position and beats the lane's clock, by which an outage is measured.
-- KEYS    marker, frozen, clock, outbox, watermark
-- ARGV    watermark epoch, sequence, decided; last position to trim (epoch, sequence; sequence -1
--         = none); why the lane is frozen in Postgres ('' = it is not); the epoch that the last
--         recovery began and the version of the lane's state, as read with that
-- Returns msgpack { epoch, decided, settled, lane time (ms), frozen reason or '', outage (ms) };
--         { 0 } without a marker
-- Cost    entries trimmed, and one entry read when the watermark moved
--@include flag

local m = redis.call('HMGET', KEYS[1], 'epoch')
if not m[1] then return cmsgpack.pack({ 0 }) end
local epoch, seq, decided = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local w = redis.call('HMGET', KEYS[5], 'epoch', 'seq', 'decided')
local c = redis.call('HMGET', KEYS[3], 't', 'decided', 'doubt', 'outage')
local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(c[1]))
-- First, because Redis runs this at any memory use, and what follows it too.
local upTo = tonumber(ARGV[5]) >= 0 and ARGV[4] .. '-' .. string.format('%.0f', ARGV[5] + 1) or '0-1'
redis.call('XTRIM', KEYS[4], 'MINID', upTo)
local doubt = tonumber(c[3])
local settled = tonumber(w[3])
if epoch > tonumber(w[1]) or (epoch == tonumber(w[1]) and seq > tonumber(w[2])) then
  redis.call('HSET', KEYS[5], 'epoch', epoch, 'seq', seq, 'decided', decided)
  settled = decided
  local after = seq < 0 and epoch .. '-0' or '(' .. epoch .. '-' .. seq
  local first = redis.call('XRANGE', KEYS[4], after, '+', 'COUNT', 1)
  if first[1] then doubt = cmsgpack.unpack(first[1][2][2])[4] end
end
redis.call('HSET', KEYS[3], 't', now, 'doubt', doubt)
local frozen = follow(KEYS[1], KEYS[2], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]))
return cmsgpack.pack({ tonumber(m[1]), tonumber(c[2]), settled, now, frozen or '',
  tonumber(c[4]) })
