-- A shopper's orders in a sale are one packed record in the field named by the shopper:
-- { let go, cool until, units owned, orders spilled, ticket, order, order, … }; ticket = 0 for none
-- ever, or see include/ticket.lua; order = { key, fingerprint, state, item, deadline, details, end key, end fingerprint, { unit, … }, outage, ended at }. Deadlines
-- are in the hold clock (ms); `details` is the generation of the e-mail and address that Postgres
-- stores, 0 = none; `outage` the lane's total when the order was held; `ended at` lane time, 0 while
-- it is held. A line of an order of several that is held for less than its sale does has that time
-- (ms) behind. From the ninth on, an order has a field of its own, `shopper|key`: a shopper with a
-- thousand orders must not cost every batch the packing of a thousand.
local HEAD, HEAD_MOST = 5, 8

-- The record of all who have none. Nobody writes to it: who is to have one gets one of their own.
local EMPTY = { 0, 0, 0, 0, 0 }

local function readFields(sale, into, names, missingIs)
  local missing = {}
  for i = 1, #names do
    local name = names[i]
    if into[name] == nil then
      into[name] = false
      missing[#missing + 1] = name
    end
  end
  if #missing == 0 then return end
  local found = redis.call('HMGET', KEYS[sale.base + 1], unpack(missing))
  for i = 1, #missing do
    into[missing[i]] = found[i] and cmsgpack.unpack(found[i]) or missingIs
  end
end

local function readRecords(sale, shoppers)
  readFields(sale, sale.records, shoppers, EMPTY)
end

-- A record that was read; one that a plain hold of this batch has made is there as its bytes.
local function recordOf(sale, shopper)
  local record = sale.records[shopper]
  if type(record) ~= 'table' then
    record = cmsgpack.unpack(record)
    sale.records[shopper] = record
  end
  return record
end

local function readSpilled(sale, fields)
  readFields(sale, sale.spilled, fields, false)
  for i = 1, #fields do
    local order = sale.spilled[fields[i]]
    if order then sale.fieldOf[order] = fields[i] end
  end
end

local function inHead(record, key)
  for i = HEAD + 1, #record do
    if record[i][1] == key then return record[i] end
  end
  return nil
end

local function findOrder(sale, shopper, record, key)
  local order = inHead(record, key)
  if not order and record[4] > 0 then order = sale.spilled[shopper .. '|' .. key] end
  return order or nil
end

-- Reads the orders of a sale's commands that are not in their shopper's record.
local function readSpilledOf(sale, index, commands, malformed)
  local fields = {}
  for i = 1, #commands do
    local c = commands[i]
    local record = not malformed[i] and c[2] == index and sale.records[c[3]]
    if record and record[4] > 0 and not inHead(record, c[4]) then
      fields[#fields + 1] = c[3] .. '|' .. c[4]
    end
  end
  if #fields > 0 then readSpilled(sale, fields) end
end

-- Everything that the commands of a sale need, in at most two calls.
local function readAll(sale, index, shoppers, commands, malformed)
  readRecords(sale, shoppers)
  for _, record in pairs(sale.records) do
    if record[4] > 0 then return readSpilledOf(sale, index, commands, malformed) end
  end
end

-- Marks what has to be written of an order.
local function touchOrder(sale, shopper, order)
  local field = sale.fieldOf[order]
  if field then sale.touchedOrders[field] = order end
  sale.touched[shopper] = true
end

-- Keeps another order. Returns the name under which the deadline index finds it.
local function keepOrder(sale, shopper, record, order)
  if record == EMPTY then
    record = { 0, 0, 0, 0, 0 }
    sale.records[shopper] = record
  end
  record[3] = record[3] + #order[9]
  sale.touched[shopper] = true
  if #record - HEAD < HEAD_MOST then
    record[#record + 1] = order
    return shopper
  end
  local field = shopper .. '|' .. order[1]
  record[4] = record[4] + 1
  sale.spilled[field] = order
  sale.fieldOf[order] = field
  sale.touchedOrders[field] = order
  return field
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
  order[3], order[11] = state, lane.now
  if state == EXPIRED then
    sale.expired = sale.expired + units
  else
    sale.released = sale.released + units
  end
  record[3] = record[3] - units
  letGo(record, lane)
  touchOrder(sale, shopper, order)
  sale.dirty = true
  emit(sale, {
    state == RELEASED and 'released' or 'expired', order[1], shopper, order[7], order[8],
    order[4] - 1, order[9], order[6],
  })
end

local function isOverdue(order, lane)
  return order[3] == HELD and order[5] <= lane.holdClock
end

-- Ends what is overdue in one record; spilled orders are found by the deadline index.
local function endOverdue(sale, lane, shopper, record, want)
  local ended = 0
  for i = HEAD + 1, #record do
    if isOverdue(record[i], lane) then
      endHold(sale, lane, shopper, record, record[i], EXPIRED, want)
      ended = ended + 1
    end
  end
  return ended
end

-- Reads what names of the deadline index stand for: shoppers, or spilled orders.
local function readNamed(sale, names)
  local shoppers, fields = {}, {}
  for i = 1, #names do
    local shopper = string.match(names[i], '^(.-)|')
    shoppers[i] = shopper or names[i]
    if shopper then fields[#fields + 1] = names[i] end
  end
  readRecords(sale, shoppers)
  if #fields > 0 then readSpilled(sale, fields) end
  return shoppers
end

-- Ends what is overdue under one name. Returns how many holds.
local function endNamed(sale, lane, name, shopper, want)
  local record = recordOf(sale, shopper)
  if shopper == name then return endOverdue(sale, lane, shopper, record, want) end
  local order = sale.spilled[name]
  if not order or not isOverdue(order, lane) then return 0 end
  endHold(sale, lane, shopper, record, order, EXPIRED, want)
  return 1
end

-- The first member of the deadline index that is overdue, or the rest of it; nil = there is none,
-- and will be none in this batch.
local function overdueMember(sale, lane)
  if sale.rest then return sale.rest end
  local found = redis.call('ZRANGEBYSCORE', KEYS[sale.base + 2], '-inf', lane.holdClock,
    'WITHSCORES', 'LIMIT', #sale.dueRemoved, 1)
  if found[1] then
    sale.dueRemoved[#sale.dueRemoved + 1] = found[1]
    sale.rest = { score = found[2], names = cmsgpack.unpack(found[1]), at = 4 }
  else
    sale.drained = true
  end
  return sale.rest
end

-- Names that a batch looks at, at most, in one sale: holds that were paid or let go stay in the
-- index until their deadline.
local LOOKS_MOST = 1024

-- Ends overdue holds by the deadline index, whose members name the holds of one batch: about
-- `most` of them (all that a name stands for end together), while the batch has looks left. A
-- member half done stays in `sale.rest` and is written back by `flush`. Returns how many ended;
-- `sale.drained` says whether none is left.
local function reap(sale, lane, most, want)
  local ended = 0
  while not sale.drained and ended < most and sale.looked < LOOKS_MOST do
    local rest = overdueMember(sale, lane)
    if not rest then break end
    local chunk = math.min(most - ended, LOOKS_MOST - sale.looked)
    local names = {}
    for i = rest.at, math.min(rest.at + chunk - 1, #rest.names) do
      names[#names + 1] = rest.names[i]
    end
    local shoppers = readNamed(sale, names)
    local looked = 0
    while looked < #names and ended < most do
      looked = looked + 1
      ended = ended + endNamed(sale, lane, names[looked], shoppers[looked], want)
    end
    sale.looked = sale.looked + looked
    rest.at = rest.at + looked
    if rest.at > #rest.names then sale.rest = nil end
  end
  return ended
end
