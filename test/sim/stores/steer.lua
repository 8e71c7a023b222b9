-- Put before every script by the simulation (redis.ts): the clock, the run id and the expiry of leases
-- are the scheduler's, from two more arguments. The script itself is the production's, unchanged. What it
-- writes is told beside its answer: 'key' or 'key field' with a zero byte between.
local simRun, simNow = table.remove(ARGV), tonumber(table.remove(ARGV))
local simCall = redis.call
if KEYS[1] and string.find(KEYS[1], ':lease:', 1, true) then
  local expires = simCall('HGET', 'sim:expires', KEYS[1])
  if expires and tonumber(expires) <= simNow then simCall('DEL', KEYS[1]) end
end
local simWrote, simReads, simRemoves = {}, {}, { XTRIM = 1, ZREM = 1, DEL = 1, HDEL = 1 }
for name in string.gmatch(
  'GET EXISTS HGET HMGET HGETALL XLEN XRANGE XREVRANGE ZCARD ZRANGE ZRANGEBYSCORE ZSCORE ZMSCORE', '%S+') do
  simReads[name] = 1
end
local function simNote(reply, command, key, ...)
  if simReads[command] or simRemoves[command] and reply == 0 then return reply end
  if command == 'HSET' then
    for i = 1, select('#', ...), 2 do simWrote[#simWrote + 1] = key .. '\0' .. (select(i, ...)) end
  else
    simWrote[#simWrote + 1] = tostring(key)
  end
  return reply
end
local function steered(call)
  return function(command, ...)
    if command == 'TIME' then
      return { string.format('%.0f', math.floor(simNow / 1000)), string.format('%.0f', simNow % 1000 * 1000) }
    elseif command == 'INFO' then
      return '# Server\r\nrun_id:' .. simRun .. '\r\n'
    elseif command == 'SET' and select(3, ...) == 'PX' then
      simCall('HSET', 'sim:expires', (...), simNow + select(4, ...))
      return simNote(call('SET', (...), (select(2, ...))), command, ...)
    elseif command == 'PEXPIRE' then
      simCall('HSET', 'sim:expires', (...), simNow + select(2, ...))
      return simNote(1, command, ...)
    end
    return simNote(call(command, ...), command, ...)
  end
end
local redis = setmetatable({ call = steered(redis.call), pcall = steered(redis.pcall) }, { __index = redis })
