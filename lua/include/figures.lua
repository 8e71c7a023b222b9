-- What a line counts and where its tickets stand, once a batch is written.

-- Every waiting number up to this one is surely reached by the units that are left, also when all who
-- are parked return; -1 = not all have a number yet.
local function cutLine(sale, waits, parked)
  local line = sale.line
  if line.numbered == 0 then return -1 end
  local turns = math.floor((allAvailable(sale) - line.claims) / sale.limit) - parked
  local size = redis.call('ZCARD', waits)
  if size == 0 then return line.serving end
  local rank = turns < 1 and 0 or math.min(turns, size) - 1
  local number = tonumber(redis.call('ZRANGE', waits, rank, rank, 'WITHSCORES')[2])
  return turns < 1 and number - 1 or number
end

-- What a line counts, once the batch is written.
local function figuresOfLine(sale)
  local line, waits = sale.line, KEYS[sale.base + WAIT]
  local parked = redis.call('ZCARD', KEYS[sale.base + PARK])
  return {
    line.mode, sale.st, line.bell, line.numbered, line.joined, line.waiting, parked, line.turns,
    line.claims, allAvailable(sale), sale.limit, line.serving, cutLine(sale, waits, parked),
    line.turn, line.factor, line.begun,
  }
end

-- Waiting numbers below a ticket's own, once the batch is written. Before who joins after the bell come
-- also those of before it that have no number yet: nobody is parked until all have theirs.
local function tellAhead(sale, reply)
  local number, line, waits = reply[4], sale.line, KEYS[sale.base + WAIT]
  if reply[5] ~= WAITING or number == 0 then return end
  reply[8] = redis.call('ZCOUNT', waits, '-inf', '(' .. number)
  if line.numbered == 0 and number > line.bell then
    reply[8] = reply[8] + line.waiting - redis.call('ZCARD', waits)
  end
end

local function tellAll(batch, sales, replies)
  local other = 0
  for i = 1, batch.count do
    local kind = batch.kinds[batch.slots[i + 1]]
    if not kind then other = other + 1 end
    local reply = replies[i]
    if type(reply) == 'table' and #reply == 8 then
      tellAhead(kind and kind.copy or sales[batch.others[other][2]], reply)
    end
  end
end
