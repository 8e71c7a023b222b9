-- A shopper's orders in a sale are one packed record:
-- { let go, cool until, order, order, ... }, order = { key, fingerprint, state, item, deadline,
-- bits, end key, end fingerprint, { unit, ... } }. Deadlines are in the hold clock (ms).
local function readRecords(sale, shoppers)
  local missing = {}
  for i = 1, #shoppers do
    local shopper = shoppers[i]
    if sale.records[shopper] == nil then
      sale.records[shopper] = false
      missing[#missing + 1] = shopper
    end
  end
  if #missing == 0 then return end
  local found = redis.call('HMGET', KEYS[sale.base + 1], unpack(missing))
  for i = 1, #missing do
    if found[i] then
      sale.records[missing[i]] = cmsgpack.unpack(found[i])
    else
      sale.records[missing[i]] = { 0, 0 }
    end
  end
end

local function findOrder(record, key)
  for i = 3, #record do
    if record[i][1] == key then return record[i] end
  end
  return nil
end

-- A hold that its shopper let go: from the third on, the next hold has to wait, 15 s doubling to
-- ten minutes. It answers those who keep stock out of others' hands.
local function letGo(record, lane)
  record[1] = record[1] + 1
  if record[1] >= 3 then
    local wait = 15000 * 2 ^ math.min(record[1] - 3, 6)
    record[2] = lane.now + math.min(wait, 600000)
  end
end

-- Ends a hold as released or expired: its units are free again, its end is an event.
local function endHold(sale, lane, shopper, record, order, state, want)
  local it = sale.items[order[4]]
  for i = 1, #order[9] do giveBack(sale, order[4], order[9][i], want) end
  local units = #order[9]
  it.held = it.held - units
  order[3] = state
  if state == EXPIRED then
    sale.expired = sale.expired + units
  else
    sale.released = sale.released + units
  end
  letGo(record, lane)
  sale.touched[shopper] = true
  sale.dirty = true
  emit(sale, {
    state == RELEASED and 'released' or 'expired', order[1], shopper, order[7], order[8],
    order[4] - 1, order[9],
  })
end

-- Ends what is overdue in one record.
local function endOverdue(sale, lane, shopper, record, want)
  local ended = 0
  for i = 3, #record do
    local order = record[i]
    if order[3] == HELD and order[5] <= lane.holdClock then
      endHold(sale, lane, shopper, record, order, EXPIRED, want)
      ended = ended + 1
    end
  end
  return ended
end

-- Ends overdue holds by the deadline index, whose members name the shoppers of one batch. Looks
-- at no more than `most` of them; a member half done stays in `sale.rest` and is written back by
-- `flush`. Returns how many ended.
local function reap(sale, lane, most, want)
  local ended, looked = 0, 0
  while looked < most and not sale.drained do
    if not sale.rest then
      local found = redis.call('ZRANGEBYSCORE', KEYS[sale.base + 2], '-inf', lane.holdClock,
        'WITHSCORES', 'LIMIT', #sale.dueRemoved, 1)
      if not found[1] then
        sale.drained = true
        break
      end
      sale.dueRemoved[#sale.dueRemoved + 1] = found[1]
      sale.rest = { score = found[2], names = cmsgpack.unpack(found[1]), at = 4 }
    end
    local rest, chunk = sale.rest, {}
    while rest.at <= #rest.names and looked < most do
      chunk[#chunk + 1] = rest.names[rest.at]
      rest.at = rest.at + 1
      looked = looked + 1
    end
    if rest.at > #rest.names then sale.rest = nil end
    if #chunk > 0 then
      readRecords(sale, chunk)
      for i = 1, #chunk do
        ended = ended + endOverdue(sale, lane, chunk[i], sale.records[chunk[i]], want)
      end
    end
  end
  return ended
end
