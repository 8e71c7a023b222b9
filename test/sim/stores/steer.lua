-- Put before every script by the simulation (redis.ts): the clock, the run id and the expiry of leases
-- are the scheduler's, from two more arguments. The script itself is the production's, unchanged.
local simRun, simNow = table.remove(ARGV), tonumber(table.remove(ARGV))
local simCall = redis.call
if KEYS[1] and string.find(KEYS[1], ':lease:', 1, true) then
  local expires = simCall('HGET', 'sim:expires', KEYS[1])
  if expires and tonumber(expires) <= simNow then simCall('DEL', KEYS[1]) end
end
local function steered(call)
  return function(command, ...)
    if command == 'TIME' then
      return { string.format('%.0f', math.floor(simNow / 1000)), string.format('%.0f', simNow % 1000 * 1000) }
    elseif command == 'INFO' then
      return '# Server\r\nrun_id:' .. simRun .. '\r\n'
    elseif command == 'SET' and select(3, ...) == 'PX' then
      simCall('HSET', 'sim:expires', (...), simNow + select(4, ...))
      return call('SET', (...), (select(2, ...)))
    elseif command == 'PEXPIRE' then
      simCall('HSET', 'sim:expires', (...), simNow + select(2, ...))
      return 1
    end
    return call(command, ...)
  end
end
local redis = setmetatable({ call = steered(redis.call), pcall = steered(redis.pcall) }, { __index = redis })
