-- The decisions of the line: one function for each command, on the working copy only.

-- Tickets that a shopper may take in one sale; overdue holds that a join ends where they are in its
-- way; ms after which who was not seen is away; tickets or turns that a command looks at, and at once.
local TICKETS_MOST, JOIN_REAP, GRACE, PLACES_MOST, WINDOW = 16, 16, 30000, 1024, 256
-- Characters of a ticket's key before those of what was asked.
local ASKER_PART = 20

-- What needs no decision; as a table, like every reply of the line.
local function refuse(code, a)
  return { code, a }
end

local function turnClock(sale, lane)
  return lane.holdClock - pausedMs(sale.line, lane)
end

-- A number of the draw stands among the waiting or the parked ones only, until the ticket's record is
-- written for another reason.
local function numberOf(sale, shopper, ticket)
  if ticket[3] == 0 and ticket[4] == WAITING and sale.line.given > 0 then
    ticket[3] = tonumber(placed(sale, WAIT, shopper) or placed(sale, PARK, shopper) or 0)
  end
  return ticket[3]
end

-- `ahead`, the last, is told as at the end of the batch.
local function ticketReply(code, sale, lane, shopper, ticket, known)
  local ends = 0
  if ticket[4] == ADMITTED then ends = ticket[5] + pausedMs(sale.line, lane) + lane.outage end
  local number = numberOf(sale, shopper, ticket)
  return { code, known, ticket[2], number, ticket[4], ends, ticket[1], -1 }
end

-- The shopper is here now: who was parked waits again.
local function here(sale, lane, shopper)
  place(sale, SEEN, shopper, lane.now)
  local number = (sale.parked > 0 or next(sale.places[PARK])) and placed(sale, PARK, shopper)
  if number then
    place(sale, PARK, shopper, false)
    place(sale, WAIT, shopper, tonumber(number))
  end
end

-- Units that count against the limit, overdue holds ended where they would fill it.
local function ownedNow(sale, lane, shopper, record)
  if record[3] < sale.limit then return record[3] end
  endOverdue(sale, lane, shopper, record, 0)
  while record[3] >= sale.limit and record[4] > 0 do
    if reap(sale, lane, JOIN_REAP, 0) == 0 then break end
  end
  return record[3]
end

-- Why nobody, or not this shopper, gets a new ticket; nil = it does.
local function whyNot(sale, lane, shopper, record, ticket, verified)
  local line = sale.line
  if sale.st == CLOSING or sale.st == CLOSED then return { CODE.sale_ended } end
  if sale.who == 1 and verified ~= 1 then return { CODE.forbidden } end
  if lane.bounded then return { CODE.overloaded } end
  if line.mode == 2 and line.bell >= 0 then return { CODE.draw_closed } end
  local units = ownedNow(sale, lane, shopper, record)
  if units >= sale.limit then return { CODE.limit_reached, sale.limit, units } end
  local taken = ticket and #ticket[7] + 1 or 0
  if taken >= TICKETS_MOST then return { CODE.limit_reached, TICKETS_MOST, taken } end
  if line.waiting >= line.most then return { CODE.line_full } end
  return nil
end

-- The end of a ticket's key is of what was asked with it, the part before it of the asker's own key.
local function isSameAsker(a, b)
  return string.sub(a, 1, ASKER_PART) == string.sub(b, 1, ASKER_PART)
end

-- Whether the asker's key has made a ticket that another has followed: nil = no, 1 = with this body,
-- 0 = with another one.
local function pastOf(ticket, key)
  for i = 1, #ticket[7] do
    local past = ticket[7][i]
    if isSameAsker(past, key) then return past == key and 1 or 0 end
  end
  return nil
end

local function newTicket(sale, lane, shopper, record, key)
  local line, before = sale.line, record[5]
  local index, past = line.joined, {}
  local number = line.bell < 0 and 0 or index + 1
  if before ~= 0 then
    for i = 1, #before[7] do past[i] = before[7][i] end
    past[#past + 1] = before[1]
  end
  if record == EMPTY then
    record = { 0, 0, 0, 0, 0 }
    sale.records[shopper] = record
  end
  record[5] = { key, index, number, WAITING, 0, 0, past, before ~= 0 and before[8] or nil }
  line.joined = index + 1
  line.waiting = line.waiting + 1
  sale.touched[shopper] = true
  sale.dirty, sale.grows = true, true
  if number > 0 then place(sale, WAIT, shopper, number) end
  place(sale, SEEN, shopper, lane.now)
  emit(sale, { 'joined', key, shopper, index, number })
  return record[5]
end

local function decideJoin(sale, lane, c)
  local shopper, key = c[3], c[4]
  local record = recordOf(sale, shopper)
  local ticket = ticketOf(sale, lane, shopper, record)
  if ticket then
    local live = isLive(ticket)
    if live then here(sale, lane, shopper) end
    if ticket[1] == key then return ticketReply(CODE.replayed, sale, lane, shopper, ticket, 1) end
    if isSameAsker(ticket[1], key) then return { CODE.idempotency_key_reused } end
    -- Its ticket is over, and is not the latest: what became of it is known where it has settled.
    local past = pastOf(ticket, key)
    if past == 1 then return { CODE.idempotency_key_reused, 1 } end
    if past then return { CODE.idempotency_key_reused } end
    if live then return ticketReply(CODE.done, sale, lane, shopper, ticket, 1) end
  end
  local refusal = whyNot(sale, lane, shopper, record, ticket, c[5])
  if refusal then return refusal end
  return ticketReply(CODE.done, sale, lane, shopper, newTicket(sale, lane, shopper, record, key), 0)
end

-- Whether this key has ended a ticket of the shopper: the one they have now was taken since, or is over.
local function hasLeft(ticket, key)
  local leaves = ticket[8] or {}
  for i = 1, #leaves do
    if leaves[i] == key then return true end
  end
  return false
end

local function decideLeave(sale, lane, c)
  local shopper, key = c[3], c[4]
  local ticket = ticketOf(sale, lane, shopper, recordOf(sale, shopper))
  if not ticket then return { CODE.not_found } end
  if hasLeft(ticket, key) then return ticketReply(CODE.replayed, sale, lane, shopper, ticket, 1) end
  -- There is nothing to leave: that is no effect, and nothing is kept of it.
  if not isLive(ticket) then return ticketReply(CODE.done, sale, lane, shopper, ticket, 1) end
  if ticket[4] == WAITING and numberOf(sale, shopper, ticket) > 0 then
    place(sale, WAIT, shopper, false)
    place(sale, PARK, shopper, false)
  elseif ticket[4] == WAITING then
    sale.gone = sale.gone or {}
    sale.gone[#sale.gone + 1] = ticket[2]
  end
  place(sale, SEEN, shopper, false)
  endTicket(sale, shopper, ticket, LEFT, key ~= '' and key or nil)
  return ticketReply(CODE.done, sale, lane, shopper, ticket, 1)
end

local function decideLook(sale, lane, c)
  local shopper = c[3]
  local ticket = ticketOf(sale, lane, shopper, recordOf(sale, shopper))
  if not ticket then return { CODE.not_found } end
  if c[4] == 1 and isLive(ticket) then here(sale, lane, shopper) end
  return ticketReply(CODE.done, sale, lane, shopper, ticket, 1)
end

local function decideSeen(sale, lane, shoppers)
  readRecords(sale, shoppers)
  for i = 1, #shoppers do
    local ticket = recordOf(sale, shoppers[i])[5]
    if ticket ~= 0 and isLive(ticket) then here(sale, lane, shoppers[i]) end
  end
  return { CODE.done }
end

-- Units that new turns may claim.
local function roomOf(sale)
  return math.max(0, math.floor(allAvailable(sale) * sale.line.factor / 100) - sale.line.claims)
end

-- Reads the records of these places, and answers who of them was not seen for too long.
local function readPlaces(sale, list, since, now)
  local shoppers, away = {}, {}
  for i = 1, #list do shoppers[i] = list[i][1] end
  readRecords(sale, shoppers)
  local seen = redis.call('ZMSCORE', KEYS[sale.base + SEEN], unpack(shoppers))
  for i = 1, #shoppers do
    local at = sale.places[SEEN][shoppers[i]]
    if at == nil then at = tonumber(seen[i] or 0) end
    away[i] = now - math.max(at or 0, since) > GRACE
  end
  return away
end

local function admit(sale, lane, shopper, number, room)
  local record, line = recordOf(sale, shopper), sale.line
  local ticket = record[5]
  local own = ticket ~= 0 and ticket[4] == WAITING and
    (ticket[3] == number or ticket[3] == 0 and ticket[2] < line.bell)
  if not own then error(shopper .. ' waits as ' .. number .. ' without that ticket') end
  ticket[3] = number
  local claim = math.max(1, math.min(sale.limit - record[3], room))
  ticket[4], ticket[5], ticket[6] = ADMITTED, turnClock(sale, lane) + line.turn, claim
  line.waiting = line.waiting - 1
  line.turns, line.begun = line.turns + 1, line.begun + 1
  line.claims = line.claims + claim
  line.serving = math.max(line.serving, number)
  sale.touched[shopper] = true
  sale.dirty = true
  place(sale, TURN, shopper, ticket[5])
  emit(sale, { 'admitted', ticket[1], shopper, ticket[5], claim })
end

local function decideAdmit(sale, lane, most)
  local line, admitted, looked = sale.line, 0, 0
  if lane.bounded then return { CODE.overloaded } end
  local since = tonumber(redis.call('HGET', KEYS[4], 'since') or 0)
  local may = sale.st == LIVE and line.numbered == 1
  while may and looked < PLACES_MOST and admitted < most and roomOf(sale) > 0 do
    -- Twice as far each time: whoever is absent in front costs a look, not a search from the front.
    local far = math.max(most - admitted, looked)
    local list = lowest(sale, WAIT, math.min(far, PLACES_MOST - looked, WINDOW), math.huge)
    if #list == 0 then break end
    local away = readPlaces(sale, list, since, lane.now)
    for i = 1, #list do
      local room, shopper, number = roomOf(sale), list[i][1], list[i][2]
      if room == 0 or admitted == most then break end
      looked = looked + 1
      place(sale, WAIT, shopper, false)
      if away[i] then
        place(sale, PARK, shopper, number)
      else
        admit(sale, lane, shopper, number, room)
        admitted = admitted + 1
      end
    end
  end
  return { CODE.done, admitted, roomOf(sale) }
end

-- Looks at a turn whose end has come. Returns how many ended.
local function endTurn(sale, lane, shopper)
  local record, before = recordOf(sale, shopper), sale.told
  place(sale, TURN, shopper, false)
  local ticket = ticketOf(sale, lane, shopper, record)
  if not ticket or not isLive(ticket) then place(sale, SEEN, shopper, false) end
  return sale.told - before
end

local function decideLapse(sale, lane, most)
  local now, ended, looked = turnClock(sale, lane), 0, 0
  while looked < PLACES_MOST and ended < most do
    local list = lowest(sale, TURN, math.min(most - ended, PLACES_MOST - looked, WINDOW), now)
    if #list == 0 then return { CODE.done, ended, 1 } end
    local shoppers = {}
    for i = 1, #list do shoppers[i] = list[i][1] end
    readRecords(sale, shoppers)
    for i = 1, #list do ended = ended + endTurn(sale, lane, shoppers[i]) end
    looked = looked + #list
  end
  return { CODE.done, ended, 0 }
end

local function decide(sale, lane, c)
  local op = c[1]
  latch(sale, lane)
  if not sale.line then return { CODE.not_found } end
  if op == 1 then return decideJoin(sale, lane, c) end
  if op == 2 then return decideLeave(sale, lane, c) end
  if op == 3 then return decideLook(sale, lane, c) end
  if op == 4 then return decideSeen(sale, lane, c[3]) end
  if op == 5 then return decideAdmit(sale, lane, c[3]) end
  if op == 6 then return decideLapse(sale, lane, c[3]) end
  return { CODE.done }
end
