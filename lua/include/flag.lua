-- Brings a lane's flag in line with Postgres, where the truth of it is. `why` = the reasons there,
-- '' = open; `recovered` = the epoch that the last recovery began, as far as the caller knows: what
-- was learnt before a later one says nothing any more. Flags that begin with 'recover' or
-- 'rolled_back' are ended by a recovery only; 'quarantine' is a copy and goes with its original.
-- Returns the flag as it then is, or false.
local function follow(marker, frozen, why, recovered)
  local flag = redis.call('GET', frozen)
  local since = redis.call('HGET', marker, 'recovered')
  if since and tonumber(since) > recovered then return flag end
  local copied = flag and string.sub(flag, 1, 10) == 'quarantine'
  if why ~= '' and (not flag or (copied and why ~= flag)) then
    redis.call('SET', frozen, why)
    return why
  end
  if why == '' and copied then
    redis.call('DEL', frozen)
    return false
  end
  return flag
end
