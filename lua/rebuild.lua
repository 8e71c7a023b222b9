-- One step of a recovery: writes that only the recovery with the lane's token may make, each step
-- once and none without the one before it. So a recovery that was paused cannot disturb a later one,
-- and a Redis that went back in the middle is noticed.
-- KEYS    frozen, rebuilt (steps that were done), marker; then the keys that are written
-- ARGV    token (`number-random`); step, from 0; writes (msgpack array of { command, index of its
--         key in KEYS, how many arguments }); then the arguments of all writes. Step 0 takes the
--         lane, from whichever recovery had it before, and freezes it.
-- Returns 1 = written, 0 = had been written, -1 = a later recovery has the lane, -2 = an earlier
--         step is missing
-- Cost    what is written
local token, step = ARGV[1], tonumber(ARGV[2])
local flag = redis.call('GET', KEYS[1]) or ''
local number = tonumber(string.match(token, '^(%d+)-'))
-- The recovery that has the lane, or the last one that is done with it.
local other = tonumber(string.match(flag, '^recover (%d+)-') or -1)
local last = math.max(other, tonumber(redis.call('HGET', KEYS[3], 'recovery') or -1))
if last > number then return -1 end
-- A first write that Redis runs at any memory use, and what follows it too.
redis.call('PERSIST', KEYS[1])
if step == 0 then
  redis.call('SET', KEYS[1], 'recover ' .. token)
  redis.call('SET', KEYS[2], 1)
  return 1
end
-- Without the flag this recovery is done, and only its last answer did not come.
if flag ~= 'recover ' .. token then return other < number and last == number and 0 or -2 end
local done = tonumber(redis.call('GET', KEYS[2]) or 0)
if step < done then return 0 end
if step > done then return -2 end
local at = 4
for _, write in ipairs(cmsgpack.unpack(ARGV[3])) do
  redis.call(write[1], KEYS[write[2]], unpack(ARGV, at, at + write[3] - 1))
  at = at + write[3]
end
-- Last: every write may be repeated, so a step that failed half way is done again. The step that
-- lets the flag go lets the count go too.
if redis.call('GET', KEYS[1]) == flag then
  redis.call('SET', KEYS[2], step + 1)
else
  redis.call('DEL', KEYS[2])
end
return 1
