-- Several commands of one shopper that are done together or not at all: the lines of an order. Each is
-- looked at first, a hold with what the lines before it would take; only if nothing is in the way are
-- they done. Holds may be looked at alone: for an order that something is in the way of already. A fault
-- in one sale is one in none of the others: the batch is decided anew without it.

-- All lines of an order have one deadline, the earliest of theirs.
local function namesDue(sale, hold)
  if hold == sale.hold then return sale.due end
  local lists = sale.earlier or {}
  sale.earlier = lists
  for i = 1, #lists do
    if lists[i].hold == hold then return lists[i] end
  end
  lists[#lists + 1] = { hold = hold }
  return lists[#lists]
end

local function holdLine(sale, lane, c, item, hold, want)
  local shopper, key, quantity, it = c[3], c[4], c[6], sale.items[item]
  local units = takeUnits(sale, item, quantity, want)
  local order = { key, c[5], HELD, item, lane.holdClock + hold, 0, '', 0, units, lane.outage, 0 }
  if hold ~= sale.hold then order[12] = hold end
  local field = keepOrder(sale, shopper, recordOf(sale, shopper), order)
  it.held = it.held + quantity
  nameDue(sale, lane, namesDue(sale, hold), field)
  sale.dirty = true
  emit(sale, { 'held', key, shopper, item - 1, it.price, lane.now + hold, c[5], units })
  if sale.line then takeClaim(sale, recordOf(sale, shopper), quantity) end
  return orderReply(CODE.done, sale, lane, order, HELD)
end

-- The working copy of a command's sale; or nil and the refusal.
local function saleOfLine(sales, lane, c)
  local sale = sales[c[2]]
  if not sale then return nil, refuse(CODE.not_found) end
  if sale.frozen or sale.fault then return nil, refuse(CODE.sale_frozen) end
  lane.busy = sale
  latch(sale, lane)
  return sale
end

local function tally(sale, code)
  sale.attempts = sale.attempts + 1
  if code < 0 then sale.refused[code] = (sale.refused[code] or 0) + 1 end
end

local function answerOf(code, parts)
  return '\146' .. pack(code) .. arrayHead(#parts) .. concat(parts)
end

-- A line without a turn to finish, or whose turn goes on, is left as it is.
local function finishTurns(sales, lines)
  for i = 1, #lines do
    local sale, shopper = sales[lines[i][2]], lines[i][3]
    local record = sale.line and recordOf(sale, shopper)
    if record and isLive(record[5]) then finishIfDone(sale, shopper, record) end
  end
end

local function takeAll(sales, lane, lines, items, want)
  local hold, replies = math.huge, {}
  for i = 1, #lines do hold = math.min(hold, sales[lines[i][2]].hold) end
  for i = 1, #lines do
    local sale = sales[lines[i][2]]
    lane.busy = sale
    tally(sale, CODE.done)
    replies[i] = holdLine(sale, lane, lines[i], items[i], hold, want)
  end
  finishTurns(sales, lines)
  return answerOf(CODE.done, replies)
end

local function refusedLine(i, bytes) return '\146' .. pack(i - 1) .. bytes end

-- All were held before by the same key. Some only: nobody of ours has asked for that.
local function replayAll(sales, lines, known, times)
  local parts, code = {}, CODE.replayed
  if times < #lines then code = CODE.idempotency_key_reused end
  for i, bytes in pairs(known) do
    tally(sales[lines[i][2]], code)
    if code < 0 then parts[#parts + 1] = refusedLine(i, (refuse(code))) else parts[i] = bytes end
  end
  return answerOf(code < 0 and CODE.lines_refused or code, parts)
end

local function holdTogether(sales, lane, lines, want, isLook)
  local plan, items, known, times, refused = {}, {}, {}, 0, {}
  for i = 1, #lines do
    local sale, bytes, code = saleOfLine(sales, lane, lines[i])
    if sale then
      bytes, code, items[i] = decideHold(sale, lane, lines[i], want, plan)
      if code == CODE.replayed then
        known[i] = bytes
        times = times + 1
      elseif code then
        tally(sale, code)
      end
    end
    if code and code < 0 then refused[#refused + 1] = refusedLine(i, bytes) end
  end
  if isLook or #refused > 0 then return answerOf(CODE.lines_refused, refused) end
  if times > 0 then return replayAll(sales, lines, known, times) end
  return takeAll(sales, lane, lines, items, want)
end

-- What is in the way of a command on an order that is there; and its first answer, if it was done.
local function lookAt(sale, lane, c, record, order, details, want)
  local op, shopper = c[1], c[3]
  if op == 5 then
    if isOverdue(order, lane) then endHold(sale, lane, shopper, record, order, EXPIRED, want) end
    return nil
  end
  local before, code = endedBefore(sale, lane, order, c, op == 2 and PAID or RELEASED)
  if code == CODE.replayed then return nil, before end
  if before then return before end
  if op == 2 then return (payProblem(sale, lane, shopper, record, order, details, want)) end
  return (releaseProblem(sale, lane, shopper, record, order, want))
end

local function doLine(sale, lane, c, order, want)
  lane.busy = sale
  if c[1] == 2 then return (payHold(sale, lane, c, order)) end
  if c[1] == 5 then return (orderReply(CODE.done, sale, lane, order, order[3])) end
  return (releaseHold(sale, lane, c, recordOf(sale, c[3]), order, want))
end

-- Pay, release and read. The first line carries the details of all.
local function endTogether(sales, lane, lines, want)
  local orders, replies, times, details, refusal = {}, {}, 0, 0, nil
  for i = 1, #lines do
    local c = lines[i]
    local sale, wrong, before = saleOfLine(sales, lane, c)
    if sale then
      local record = recordOf(sale, c[3])
      local order = findOrder(sale, c[3], record, c[4])
      if i == 1 and order then details = order[6] end
      if order then
        wrong, before = lookAt(sale, lane, c, record, order, details, want)
      else
        wrong = refuse(CODE.not_found)
      end
      orders[i] = order
      if before then
        replies[i] = before
        times = times + 1
      end
    end
    refusal = refusal or wrong
  end
  if refusal then return refusal end
  if times == #lines then return answerOf(CODE.replayed, replies) end
  if times > 0 then return (refuse(CODE.illegal_transition, orders[1][3])) end
  for i = 1, #lines do
    replies[i] = doLine(sales[lines[i][2]], lane, lines[i], orders[i], want)
  end
  return answerOf(CODE.done, replies)
end

-- `isLook` = of holds: what is in the way is told, and nothing is taken.
local function decideTogether(sales, lane, lines, want, isLook)
  lane.busy = nil
  local decideAll = lines[1][1] == 1 and holdTogether or endTogether
  local ok, answer = pcall(decideAll, sales, lane, lines, want, isLook)
  if ok then return answer end
  lane.busy.fault = faultText(answer)
  return (refuse(CODE.fault, lane.busy.fault))
end

-- All commands of a batch, those that are done together behind the others.
local function withLines(commands, malformed)
  local all = {}
  for i = 1, #commands do all[i] = commands[i] end
  for i = 1, #commands do
    if commands[i][1] == 9 and not malformed[i] then
      for j = 1, #commands[i][3] do all[#all + 1] = commands[i][3][j] end
    end
  end
  return all
end

-- Marks the sales whose faults came up beside commands done together. Returns whether there are any.
local function addFaults(known, commands, malformed, sales)
  local any = false
  for i = 1, #commands do
    local lines = not malformed[i] and commands[i][1] == 9 and commands[i][3] or {}
    for j = 1, #lines do
      local index = lines[j][2]
      if sales[index] and sales[index].fault and not known[index] then
        known[index] = sales[index].fault
        any = true
      end
    end
  end
  return any
end
