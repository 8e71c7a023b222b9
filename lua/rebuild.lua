-- One step of a recovery: writes that only the recovery with the lane's token may make, each step
-- once and none without the one before it. So a recovery that was paused cannot disturb a later one,
-- and a Redis that went back in the middle is noticed.
-- KEYS    frozen, rebuilt (steps that were done); then the keys that are written
-- ARGV    token (`number-random`); step, from 0; writes (msgpack array of { command, index of its
--         key in KEYS, how many arguments }); then the arguments of all writes. Step 0 takes the
--         lane, from whichever recovery had it before, and freezes it.
-- Returns 1 = written, 0 = had been written, -1 = a later recovery has the lane, -2 = an earlier
--         step is missing
-- Cost    what is written
local token, step = ARGV[1], tonumber(ARGV[2])
local flag = redis.call('GET', KEYS[1]) or ''
local number = tonumber(string.match(token, '^(%d+)-'))
local other = tonumber(string.match(flag, '^recover (%d+)-') or -1)
-- A first write that Redis runs at any memory use, and what follows it too.
redis.call('PERSIST', KEYS[1])
if step == 0 then
  if other > number then return -1 end
  redis.call('SET', KEYS[1], 'recover ' .. token)
  redis.call('SET', KEYS[2], 1)
  return 1
end
if flag ~= 'recover ' .. token then return other > number and -1 or -2 end
local done = tonumber(redis.call('GET', KEYS[2]) or 0)
if step < done then return 0 end
if step > done then return -2 end
local at = 4
for _, write in ipairs(cmsgpack.unpack(ARGV[3])) do
  redis.call(write[1], KEYS[write[2]], unpack(ARGV, at, at + write[3] - 1))
  at = at + write[3]
end
-- Last: every write may be repeated, so a step that failed half way is done again.
redis.call('SET', KEYS[2], step + 1)
return 1
