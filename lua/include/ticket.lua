-- A shopper's place in a sale's line, in the fifth field of their record: { key, index, number, state,
-- turn ends, claim, { key of an earlier ticket, … }, { key of a leave, … } }. Index from 0 in joining
-- order; number 0 = none yet, or one of the draw that stands among the waiting or parked ones only; the
-- end of a turn is in the turn clock (ms, include/sale.lua); `claim` = units that the turn may still take.
-- An ended ticket stays until the next takes its place. The keys of leaves, this ticket's and those of
-- the earlier ones, are there only where there are any: none of them ends a later ticket.

local function isLive(ticket)
  return ticket[4] == WAITING or ticket[4] == ADMITTED
end

-- Ends a live ticket; its end is an event. `key` = of the leave that ends it, nil = none.
local function endTicket(sale, shopper, ticket, state, key)
  local line = sale.line
  if ticket[4] == WAITING then
    line.waiting = line.waiting - 1
  else
    line.turns = line.turns - 1
    line.claims = line.claims - ticket[6]
    ticket[6] = 0
  end
  ticket[4] = state
  if key then
    local leaves = ticket[8] or {}
    leaves[#leaves + 1] = key
    ticket[8] = leaves
  end
  sale.touched[shopper] = true
  sale.dirty = true
  local name = state == FINISHED and 'finished' or state == LAPSED and 'lapsed' or 'left'
  emit(sale, { name, ticket[1], shopper, key })
end

-- The shopper's ticket, or nil for none ever; a turn that is over has lapsed.
local function ticketOf(sale, lane, shopper, record)
  local ticket = record[5]
  if ticket == 0 or not sale.line then return nil end
  if ticket[4] == ADMITTED and ticket[5] <= lane.holdClock - pausedMs(sale.line, lane) then
    endTicket(sale, shopper, ticket, LAPSED)
  end
  return ticket
end

local function hasTurn(sale, lane, shopper, record)
  local ticket = ticketOf(sale, lane, shopper, record)
  return ticket ~= nil and ticket[4] == ADMITTED
end

-- Most units that a hold may take: all that its turn claims, and beyond them what leaves the claims
-- of the others in their bounds.
local function inReach(sale, ticket)
  local line = sale.line
  local others = (line.claims - ticket[6]) * 100
  local spare = math.floor((allAvailable(sale) * line.factor - others) / line.factor)
  return math.max(ticket[6], spare)
end

-- A hold takes its units out of its turn's claim.
local function takeClaim(sale, record, units)
  local ticket = record[5]
  local taken = math.min(ticket[6], units)
  ticket[6] = ticket[6] - taken
  sale.line.claims = sale.line.claims - taken
end

-- A turn ends with the last unit that it claims, or that its shopper may own.
local function finishIfDone(sale, shopper, record)
  local ticket = record[5]
  if ticket[6] == 0 or record[3] >= sale.limit then endTicket(sale, shopper, ticket, FINISHED) end
end
