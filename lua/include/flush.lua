-- The one write phase of a batch. Nothing in it can fail but its first command, before anything has
-- changed: for lack of memory, or because a key of the lane itself holds something else. Keys of a
-- sale were read or touched when the sale was opened, so a wrong one is that sale's fault alone.
-- A batch that accepts no hold and no ticket begins with a command that Redis runs at any memory use, so that
-- holds can always end.
local CHUNK = 2000

-- ms. See `figuresOf`.
local KEEP = 100

local function inChunks(command, key, list)
  for from = 1, #list, CHUNK do
    redis.call(command, key, unpack(list, from, math.min(from + CHUNK - 1, #list)))
  end
end

-- Names of plain holds in a row (include/holds.lua) stand in the batch as the index has them.
local function nameRange(sale, batch)
  local due = sale.due
  for i = sale.range[1], sale.range[2] do
    local name, at = batch.shoppers[i + 1], #due
    due[at + 1], due[at + 2] = TEXT[#name], name
  end
  sale.range = nil
end

local function nameDue(sale, lane, due, name)
  if sale.range then nameRange(sale, lane.batch) end
  local at = #due
  due[at + 1], due[at + 2] = TEXT[#name], name
end

-- Puts the events of all sales into one outbox entry and stores the lane's clock.
local function append(lane, sales, order)
  local parts, groups, count = {}, 0, 0
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale and not sale.fault and sale.told > 0 then
      local events, at = sale.events, #parts + 1
      parts[at] = '\146' .. pack(sale.id) .. arrayHead(sale.told)
      for i = 1, #events do parts[at + i] = events[i] end
      groups, count = groups + 1, count + sale.told
    end
  end
  if count == 0 then return end
  local seq = lane.seq + 1
  local before = false
  if seq == 0 and lane.epoch > 1 then
    local ended = redis.call('HGET', KEYS[3], lane.epoch - 1)
    before = { lane.epoch - 1, tonumber(ended or -1) }
  end
  -- One concat for all of it: Redis's Lua hashes every byte of every string that is made.
  parts[0] = '\152' .. pack(1) .. pack(lane.epoch) .. pack(seq) .. pack(lane.now) .. pack(before)
    .. pack(count) .. arrayHead(groups)
  parts[#parts + 1] = pack(lane.outage)
  redis.call('XADD', KEYS[5], lane.epoch .. '-' .. seq, 'd', concat(parts, '', 0, #parts))
  if lane.inDoubt <= 0 then lane.doubt = lane.now end
  lane.seq = seq
  lane.decided = lane.decided + count
  local now = string.format('%.0f', lane.now)
  redis.call('HSET', KEYS[4], 't', now, 'seq', seq, 'decided', lane.decided, 'doubt', lane.doubt,
    'kept', now)
end

local function writeCounts(sale)
  local n = { sale.expired, sale.released }
  for i = 1, #sale.items do
    local it = sale.items[i]
    local o = 2 + (i - 1) * 6
    n[o + 1], n[o + 2], n[o + 3] = it.allotted, it.next, it.last
    n[o + 4], n[o + 5], n[o + 6] = it.held, it.sold, it.returned
  end
  local fields = { 'st', sale.st, 'got', sale.got, 'n', cmsgpack.pack(n) }
  if sale.line then fields[7], fields[8] = 'ln', packedCounts(sale.line) end
  if sale.attempts > 0 and sale.tried then
    fields[#fields + 1] = 'attempts'
    fields[#fields + 1] = sale.tried + sale.attempts
  end
  redis.call('HSET', KEYS[sale.base], unpack(fields))
end

local function writeReturned(sale)
  for item, free in pairs(sale.free) do
    local key, gone, back = KEYS[sale.base + 3], {}, {}
    if free.cut then
      redis.call('ZREMRANGEBYSCORE', key, item * SPAN + free.cut, item * SPAN + SPAN - 1)
    end
    for number in pairs(free.removed) do gone[#gone + 1] = item .. ':' .. number end
    for number in pairs(free.added) do
      back[#back + 1] = item * SPAN + number
      back[#back + 1] = item .. ':' .. number
    end
    inChunks('ZREM', key, gone)
    inChunks('ZADD', key, back)
  end
end

-- Holds of a batch whose deadline is not their sale's own are members of the index beside the others,
-- whose third number counts from 0: it must never be the same, whoever they name.
local EARLIER = 1048576

-- How many names the batch adds to the index, and their bytes.
local function namesOf(sale, lane)
  local range, batch = sale.range, lane.batch
  if range and #sale.due == 0 and range[2] - range[1] + 1 == batch.holds then
    return batch.holds, batch.names
  end
  if range then nameRange(sale, batch) end
  return #sale.due / 2, concat(sale.due)
end

local function writeDue(sale, lane)
  local key = KEYS[sale.base + 2]
  inChunks('ZREM', key, sale.dueRemoved)
  if sale.rest then
    local rest = { sale.rest.names[1], sale.rest.names[2], sale.rest.names[3] + 1 }
    for i = sale.rest.at, #sale.rest.names do rest[#rest + 1] = sale.rest.names[i] end
    redis.call('ZADD', key, sale.rest.score, cmsgpack.pack(rest))
  end
  local count, names = namesOf(sale, lane)
  local at = lane.holdClock + sale.hold
  if count > 0 then
    local head = arrayHead(count + 3) .. pack(lane.epoch) .. pack(lane.seq) .. pack(0)
    redis.call('ZADD', key, at, head .. names)
  end
  for i = 1, sale.earlier and #sale.earlier or 0 do
    local due = sale.earlier[i]
    due[0] = arrayHead(#due / 2 + 3) .. pack(lane.epoch) .. pack(lane.seq) .. pack(EARLIER * i)
    redis.call('ZADD', key, lane.holdClock + due.hold, concat(due, '', 0, #due))
  end
  local isFirst = count > 0 and (not sale.firstDue or at < sale.firstDue)
  if isFirst or sale.earlier or #sale.dueRemoved > 0 then
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[1] then
      redis.call('ZADD', KEYS[7], first[2], sale.id)
    else
      redis.call('ZREM', KEYS[7], sale.id)
    end
  end
end

-- What is told to vendors of a sale's attempts, by their codes. Not `call`: a field that is no
-- number must not stop what follows. They are counted in memory and then written as they are: the
-- file may lack what was only counted in the last KEEP ms.
local function writeFigures(sale, lane)
  if sale.attempts == 0 then return end
  local key = KEYS[sale.base]
  redis.set_repl(redis.REPL_NONE)
  if not (sale.dirty and sale.tried) then
    redis.pcall('HINCRBY', key, 'attempts', sale.attempts)
  end
  for code, times in pairs(sale.refused) do redis.pcall('HINCRBY', key, 'x' .. code, times) end
  if lane.quiet then return end
  redis.set_repl(redis.REPL_ALL) -- before anything else: other sales of the batch are still to come
  if lane.now - sale.kept < KEEP then return end
  local names, list = { 'attempts' }, { 'kept', lane.now }
  for code = 1, 17 do names[code + 1] = 'x-' .. code end
  local counted = redis.call('HMGET', key, unpack(names))
  for i = 1, #names do
    if counted[i] then
      list[#list + 1] = names[i]
      list[#list + 1] = counted[i]
    end
  end
  redis.call('HSET', key, unpack(list))
end

local function writeSale(sale, lane)
  if sale.dirty then writeCounts(sale) end
  -- Behind those that plain holds have made: of a name that comes twice, the last counts.
  local records = sale.plain
  for shopper in pairs(sale.touched) do
    records[#records + 1] = shopper
    records[#records + 1] = pack(sale.records[shopper])
  end
  for field, order in pairs(sale.touchedOrders) do
    records[#records + 1] = field
    records[#records + 1] = cmsgpack.pack(order)
  end
  inChunks('HSET', KEYS[sale.base + 1], records)
  writeReturned(sale)
  writeDue(sale, lane)
  if sale.places then sale.writePlaces(sale) end
  writeFigures(sale, lane)
end

-- Whether a batch leaves more of this sale behind than figures.
local function isChanged(sale)
  return sale.dirty or #sale.dueRemoved > 0 or next(sale.touched) ~= nil
end

-- A batch that only refused leaves figures behind: the refusals, and the time that was told. Nobody
-- waits for the disk to be refused, so they stay in memory until a batch writes anyway, or KEEP has
-- passed. Returns whether there are any, and whether this batch keeps them to itself.
local function figuresOf(lane, sales, order)
  local any, changed, due = false, false, lane.now - lane.kept >= KEEP
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale then
      if sale.fault or isChanged(sale) or sale.told > 0 then
        any, changed = true, true
      elseif sale.attempts > 0 then
        any = true
        due = due or lane.now - sale.kept >= KEEP
      end
    end
  end
  return any, any and not changed and not due
end

local function flush(lane, sales, order)
  local holds, seq = false, lane.seq
  for _, index in ipairs(order) do
    local sale = sales[index]
    holds = holds or (sale and not sale.fault
      and (sale.range or #sale.due > 0 or sale.earlier or sale.grows))
  end
  if holds then redis.call('ZCARD', KEYS[7]) else redis.call('ZREM', KEYS[7], '') end
  append(lane, sales, order)
  local any, quiet = figuresOf(lane, sales, order)
  if quiet then
    redis.set_repl(redis.REPL_NONE)
    redis.call('HSET', KEYS[4], 't', lane.now)
  elseif any and lane.seq == seq then
    redis.call('HSET', KEYS[4], 't', lane.now, 'kept', lane.now)
  end
  lane.quiet = quiet
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale and sale.fault then
      -- Not `call`: the fault may be that this key holds something else.
      redis.pcall('HSET', KEYS[sale.base], 'frz', sale.fault)
    elseif sale then
      writeSale(sale, lane)
    end
  end
  redis.set_repl(redis.REPL_ALL)
end
