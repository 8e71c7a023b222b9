-- Plain holds: of one unit, by shoppers who have no record in the sale, with nothing that speaks
-- against them. They are taken here, in a row. All others are decided by include/decide.lua.

-- Bytes that all new holds of an item have in common in one batch: in an order, in its event and in
-- the reply, each with what differs left out.
local function commonOf(sale, lane, it, item)
  local common = {
    order = pack(HELD) .. pack(item) .. pack(lane.holdClock + sale.hold) .. pack(0) .. pack('')
      .. pack(0),
    ended = pack(lane.outage) .. pack(0),
    event = pack(item - 1) .. pack(it.price) .. pack(lane.now + sale.hold),
    reply = '\154' .. pack(CODE.done) .. pack(HELD) .. pack(item - 1) .. pack(it.product)
      .. pack(it.price) .. pack(lane.now) .. pack(lane.now + sale.hold) .. pack(0),
  }
  it.common = common
  return common
end

local HELD_EVENT = '\152' .. pack('held')

-- What the bytes of a record begin with that holds one unit, in one order.
local FIRST = '\150\0\0\1\0\0\155'

local function itemOf(sale, product)
  if product == '' then
    if #sale.items == 1 then return 1 end
    return nil, CODE.product_required
  end
  for i = 1, #sale.items do
    if sale.items[i].product == product then return i end
  end
  return nil, CODE.not_found
end

-- Whether holds of a kind are plain, as their sale stands now: { sale, fingerprint, quantity,
-- product, verified }. What else may change that gives the sale another `stage`.
local function look(kind, sale, lane)
  latch(sale, lane)
  kind.stage, kind.item, kind.refusal = sale.stage, nil, nil
  local isOpen = sale.st == LIVE and not sale.line and not lane.bounded and sale.limit >= 1
  if not isOpen or kind[3] ~= 1 or sale.who == 1 and kind[5] ~= 1 then return end
  local item = itemOf(sale, kind[4])
  local it = item and sale.items[item]
  if not it or it.returned > 0 then return end
  local common = it.common or commonOf(sale, lane, it, item)
  kind.item = it
  kind.order = PACKED[kind[2]] .. common.order .. '\145'
  kind.ended = common.ended
  kind.event = common.event .. PACKED[kind[2]] .. '\145'
  kind.reply = common.reply
end

-- Plain holds in a row are one range of names.
local function keepRange(sale, batch, from, to)
  local range = sale.range
  if range and range[2] == from - 1 then
    range[2] = to
  else
    if sale.range then nameRange(sale, batch) end
    sale.range = { from, to }
  end
end

-- Takes plain holds of one kind, from the command behind `at` and the hold behind `hold` on, as many
-- as are in a row. Returns how many.
local function takePlain(batch, lane, kind, sale, at, hold, replies)
  local it, records, list, events = kind.item, sale.records, sale.plain, sale.events
  local slots, shoppers, keys, slot = batch.slots, batch.shoppers, batch.keys, kind.number
  local order, ended, event, scale = kind.order, kind.ended, kind.event, #batch.kinds
  local from, number, last, count = hold, it.next, it.last, batch.count
  local n, e, length, first, told = #list, #events, -1, nil, nil
  while at < count and slots[at + 2] == slot and number <= last do
    local shopper, key = shoppers[hold + 2], keys[hold + 2]
    if records[shopper] ~= nil then break end
    if #key ~= length then
      length = #key
      first, told = FIRST .. TEXT[length], HELD_EVENT .. TEXT[length]
    end
    local unit = digits(number)
    local record = first .. key .. order .. unit .. ended
    records[shopper] = record
    list[n + 1], list[n + 2] = shopper, record
    n = n + 2
    events[e + 1], events[e + 2], events[e + 3] = told, key, TEXT[#shopper]
    events[e + 4], events[e + 5], events[e + 6] = shopper, event, unit
    e = e + 6
    at, hold = at + 1, hold + 1
    replies[at] = scale == 1 and unit or pack(number * scale + slot - 1)
    number = number + 1
  end
  local taken = hold - from
  if taken == 0 then return 0 end
  it.next, it.held = number, it.held + taken
  keepRange(sale, batch, from + 1, hold)
  sale.told, sale.attempts, sale.dirty = sale.told + taken, sale.attempts + taken, true
  -- Holds of other kinds must look anew.
  sale.stage = sale.stage + 1
  kind.stage = sale.stage
  return taken
end
