-- Plain joins: by shoppers who have no record in the sale, with nothing that speaks against them. They
-- are taken here, in a row. All others are decided by include/line.lua.

-- What the bytes begin and end with: of a record that has a ticket and nothing else, and of its event.
local NEW_RECORD, NEW_END = '\149\0\0\0\0\151', '\1\0\0\144'
local JOINED_EVENT = '\149' .. pack('joined')

-- Whether joins of a kind are plain, as their sale stands now: { sale, verified }.
local function look(kind, sale, lane)
  latch(sale, lane)
  kind.stage, kind.item = sale.stage, nil
  local line = sale.line
  if not line or sale.st == CLOSING or sale.st == CLOSED or lane.bounded then return end
  if sale.who == 1 and kind[2] ~= 1 or line.mode == 2 and line.bell >= 0 then return end
  kind.item = sale.limit >= 1 and line or nil
end

-- Takes plain joins of one kind, from the command behind `at` and the join behind `hold` on, as many as
-- are in a row. Returns how many.
local function takePlain(batch, lane, kind, sale, at, hold, replies)
  local line, records, list, events = sale.line, sale.records, sale.plain, sale.events
  local slots, shoppers, keys, slot = batch.slots, batch.shoppers, batch.keys, kind.number
  local waits, seen, now = sale.places[WAIT], sale.places[SEEN], lane.now
  local from, index, bell = hold, line.joined, line.bell
  local last, n, e = index + line.most - line.waiting, #list, #events
  while at < batch.count and slots[at + 2] == slot and index < last do
    local shopper, key = shoppers[hold + 2], keys[hold + 2]
    if records[shopper] ~= nil then break end
    local place = digits(index)
    local number = bell < 0 and '\0' or digits(index + 1)
    local record = NEW_RECORD .. TEXT[#key] .. key .. place .. number .. NEW_END
    records[shopper] = record
    list[n + 1], list[n + 2] = shopper, record
    n = n + 2
    events[e + 1], events[e + 2], events[e + 3] = JOINED_EVENT, TEXT[#key], key
    events[e + 4], events[e + 5], events[e + 6] = TEXT[#shopper], shopper, place
    events[e + 7] = number
    e = e + 7
    at, hold = at + 1, hold + 1
    seen[shopper] = now
    if bell < 0 then
      replies[at] = index
    else
      waits[shopper] = index + 1
      replies[at] = { CODE.done, 0, index, index + 1, WAITING, 0, key, -1 }
    end
    index = index + 1
  end
  local taken = hold - from
  if taken == 0 then return 0 end
  line.joined, line.waiting = index, line.waiting + taken
  sale.told, sale.dirty, sale.grows = sale.told + taken, true, true
  return taken
end
