-- Brings a lane's flag in line with Postgres, where the truth of it is. `why` = the reasons there,
-- '' = open; `recovered` = the epoch that the last recovery began, as far as the caller knows: what
-- was learnt before a later one says nothing any more; `version` = of the lane's state as it was
-- read: who has seen it open before the flag's reason came does not end the flag. Flags that begin
-- with 'recover' or 'rolled_back' are ended by a recovery only; 'quarantine' is a copy and goes with
-- its original. Returns the flag as it then is, or false.
local function follow(marker, frozen, why, recovered, version)
  local flag = redis.call('GET', frozen)
  local m = redis.call('HMGET', marker, 'recovered', 'flagged')
  if m[1] and tonumber(m[1]) > recovered then return flag end
  local flagged = tonumber(m[2] or 0)
  local copied = flag and string.sub(flag, 1, 10) == 'quarantine'
  if why ~= '' and (not flag or (copied and why ~= flag)) then
    redis.call('SET', frozen, why)
    -- Without a marker the lane does not serve, and must not seem to have one.
    if m[1] then redis.call('HSET', marker, 'flagged', math.max(flagged, version)) end
    return why
  end
  if why == '' and copied and version >= flagged then
    redis.call('DEL', frozen)
    return false
  end
  return flag
end
