-- Lets a restarted Redis server serve a lane again, in the epoch that Postgres has begun for it.
-- KEYS    marker, frozen, ends, clock, outbox, verified run
-- ARGV    the lane's epoch, its head (-1 = none), new epoch, run id, most outage to add (ms); then
--         pairs of epoch and end, of every epoch that has ended since
-- Returns 1 = verified now, 0 = the epoch had begun before and only the run id was written,
--         -1 = the lane is not what was verified (someone else was faster), -2 = frozen,
--         -3 = this is another server than the one that was verified
-- Cost    constant
-- The caller may have been led here by a reconnection: only the server itself knows who it is.
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. ARGV[4], 1, true) then return -3 end
local m = redis.call('HMGET', KEYS[1], 'epoch')
if not m[1] then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then return -2 end
if m[1] == ARGV[3] then
  redis.call('DEL', KEYS[6])
  redis.call('SET', KEYS[6], ARGV[4])
  return 0
end
local clock = redis.call('HMGET', KEYS[4], 't', 'seq', 'outage')
if m[1] ~= ARGV[1] or clock[2] ~= ARGV[2] then return -1 end
-- First, because Redis runs this at any memory use, and what follows it too.
redis.call('DEL', KEYS[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = tonumber(clock[1])
local outage = last > 0 and math.max(0, math.min(now - last, tonumber(ARGV[5]))) or 0
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
-- Refusals were told times up to 100 ms later than the file knows (`figuresOf` of include/flush.lua).
redis.call('HSET', KEYS[4], 'seq', -1, 'outage', tonumber(clock[3]) + outage,
  't', math.max(now, last + 100), 'since', math.max(now, last + 100))
redis.call('HSET', KEYS[1], 'epoch', ARGV[3])
redis.call('SET', KEYS[6], ARGV[4])
return 1
