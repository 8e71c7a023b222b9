-- Takes or renews a lease. It only saves work: two owners at once are harmless.
-- KEYS    lease, dues of its lane
-- ARGV    owner, life (ms)
-- Returns 1 = owned, 0 = someone else's
-- Cost    constant
-- A first write that Redis runs at any memory use: the loops under leases are what frees memory.
redis.call('ZREM', KEYS[2], '')
local owner = redis.call('GET', KEYS[1])
if not owner then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
if owner ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
