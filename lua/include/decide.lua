-- The decisions: one function for each command, on the working copy only. Each returns the bytes of
-- its reply, decisions on holds its code too.

-- An order in `state`: the present one, or that of the first answer, which a replay is to the last
-- byte. When it was held does not change; its deadline does while it is held, by every outage since.
local function orderReply(code, sale, lane, order, state)
  local it = sale.items[order[4]]
  local grows = code == CODE.done and order[3] == HELD
  local outage = grows and lane.outage or order[10]
  return pack({
    code, state, order[4] - 1, it.product, it.price, order[5] + order[10] - (order[12] or sale.hold),
    order[5] + outage, order[6], order[9], state == HELD and 0 or order[11],
  }), code
end

-- A refusal's bytes, and its code. Many in a row are the same.
local last = {}
local function refuse(code, a, b)
  if last.code ~= code or last.a ~= a or last.b ~= b then
    last = { code = code, a = a, b = b, bytes = pack({ code, a, b }) }
  end
  return last.bytes, code
end

local function whyClosed(sale, lane, verified)
  if sale.st == SCHEDULED then return refuse(CODE.sale_not_started, sale.start) end
  if sale.st == PAUSED then return refuse(CODE.sale_paused) end
  if sale.st ~= LIVE then return refuse(CODE.sale_ended) end
  if sale.who == 1 and verified ~= 1 then return refuse(CODE.forbidden) end
  if lane.bounded then return refuse(CODE.overloaded) end
  return nil
end

-- Holds units: an order, its event, its deadline, and the reply.
local function holdUnits(sale, lane, c, record, item, want)
  local shopper, key, quantity, it = c[3], c[4], c[6], sale.items[item]
  local common, fingerprint = it.common or commonOf(sale, lane, it, item), PACKED[c[5]]
  local units, deadline = takeUnits(sale, item, quantity, want), lane.holdClock + sale.hold
  local field = keepOrder(sale, shopper, record,
    { key, c[5], HELD, item, deadline, 0, '', 0, units, lane.outage, 0 })
  local numbers = pack(units)
  it.held = it.held + quantity
  nameDue(sale, lane, sale.due, field)
  sale.dirty = true
  sale.events[#sale.events + 1] = HELD_EVENT .. TEXT[#key] .. key .. TEXT[#shopper] .. shopper
    .. common.event .. fingerprint .. numbers
  sale.told = sale.told + 1
  if sale.line then
    record = recordOf(sale, shopper)
    takeClaim(sale, record, quantity)
    finishIfDone(sale, shopper, record)
  end
  return common.reply .. numbers .. '\0', CODE.done
end

-- What the lines of an order would take, before any does: { [sale] = { units, [item] = units } }.
local function withPlanned(plan, sale, item, quantity)
  local before = plan[sale]
  if not before then return quantity, quantity end
  return before.units + quantity, (before[item] or 0) + quantity
end

local function keepPlanned(plan, sale, item, quantity)
  local before = plan[sale] or { units = 0 }
  plan[sale] = before
  before.units = before.units + quantity
  before[item] = (before[item] or 0) + quantity
end

-- Overdue holds that a hold which finds too little ends first.
local REAP_MOST = 16

-- How many are free is told by sales that end, the flash sales: -1 = by this one it is not.
local function soldOut(sale, free, it)
  return refuse(CODE.sold_out, sale.ends > 0 and free or -1, it.held > 0 and 1 or 0)
end

-- `plan` = of a line of an order that has several: what those before it would take. Then nothing is
-- taken here: answers nil, nil and the item, or the refusal.
local function decideHold(sale, lane, c, want, plan)
  local shopper, key, quantity = c[3], c[4], c[6]
  local record = recordOf(sale, shopper)
  local known = findOrder(sale, shopper, record, key)
  if known then
    if known[2] ~= c[5] then return refuse(CODE.idempotency_key_reused) end
    return orderReply(CODE.replayed, sale, lane, known, HELD)
  end
  local closed, why = whyClosed(sale, lane, c[8])
  if closed then return closed, why end
  if sale.line and not hasTurn(sale, lane, shopper, record) then
    return refuse(CODE.not_admitted)
  end
  local item, wrong = itemOf(sale, c[7])
  if not item then return refuse(wrong) end
  if record[2] > lane.now then return refuse(CODE.rate_limited, record[2] - lane.now) end
  endOverdue(sale, lane, shopper, record, want)
  -- With the lines before it: of the sale, and of the item.
  local ofSale, ofItem = quantity, quantity
  if plan then ofSale, ofItem = withPlanned(plan, sale, item, quantity) end
  -- Units that count against the limit: held and sold, over all of the shopper's orders. Overdue
  -- ones do not; where they stand apart, only the index finds them, and it has others' first.
  while record[3] + ofSale > sale.limit and record[4] > 0 do
    if reap(sale, lane, REAP_MOST, want) == 0 then break end
  end
  local it = sale.items[item]
  local fits = record[3] + ofSale <= sale.limit
  if fits and available(it) < ofItem then reap(sale, lane, REAP_MOST, want) end
  -- What ended may have been the shopper's own.
  if record[2] > lane.now then return refuse(CODE.rate_limited, record[2] - lane.now) end
  if not fits then return refuse(CODE.limit_reached, sale.limit, record[3]) end
  if available(it) < ofItem then
    return soldOut(sale, available(it) - ofItem + quantity, it)
  end
  if sale.line then
    local reach = inReach(sale, record[5])
    if ofSale > reach then return soldOut(sale, reach - ofSale + quantity, it) end
  end
  if plan then
    keepPlanned(plan, sale, item, quantity)
    return nil, nil, item
  end
  return holdUnits(sale, lane, c, record, item, want)
end

-- The command that ended a hold is known by its key, so asking again gets the first answer.
local function endedBefore(sale, lane, order, c, state)
  if order[3] ~= state or order[7] ~= c[5] or c[5] == '' then return nil end
  if order[8] ~= c[6] then return refuse(CODE.idempotency_key_reused) end
  return orderReply(CODE.replayed, sale, lane, order, state)
end

-- Why a hold cannot be paid, nil = it can. `details` = generation of its order's.
local function payProblem(sale, lane, shopper, record, order, details, want)
  if order[3] == EXPIRED or order[3] == RELEASED then return refuse(CODE.hold_expired) end
  if order[3] ~= HELD then return refuse(CODE.illegal_transition, order[3]) end
  if order[5] <= lane.holdClock then
    endHold(sale, lane, shopper, record, order, EXPIRED, want)
    return refuse(CODE.hold_expired)
  end
  if details == 0 then return refuse(CODE.details_required) end
end

local function payHold(sale, lane, c, order)
  local it = sale.items[order[4]]
  local units = #order[9]
  it.held = it.held - units
  it.sold = it.sold + units
  order[3], order[7], order[8], order[11] = PAID, c[5], c[6], lane.now
  touchOrder(sale, c[3], order)
  sale.dirty = true
  emit(sale, { 'paid', order[1], c[3], c[5], c[6], order[4] - 1, order[9], order[6] })
  return orderReply(CODE.done, sale, lane, order, PAID)
end

local function releaseProblem(sale, lane, shopper, record, order, want)
  if order[3] ~= HELD then return refuse(CODE.illegal_transition, order[3]) end
  if order[5] <= lane.holdClock then
    endHold(sale, lane, shopper, record, order, EXPIRED, want)
    return refuse(CODE.illegal_transition, EXPIRED)
  end
end

local function releaseHold(sale, lane, c, record, order, want)
  order[7], order[8] = c[5], c[6]
  endHold(sale, lane, c[3], record, order, RELEASED, want)
  return orderReply(CODE.done, sale, lane, order, RELEASED)
end

local function decidePay(sale, lane, c, record, order, want)
  local answer = endedBefore(sale, lane, order, c, PAID)
    or payProblem(sale, lane, c[3], record, order, order[6], want)
  return answer or payHold(sale, lane, c, order)
end

local function decideRelease(sale, lane, c, record, order, want)
  local answer = endedBefore(sale, lane, order, c, RELEASED)
    or releaseProblem(sale, lane, c[3], record, order, want)
  return answer or releaseHold(sale, lane, c, record, order, want)
end

local function decideOrder(sale, lane, c, want)
  local op = c[1]
  local record = recordOf(sale, c[3])
  local order = findOrder(sale, c[3], record, c[4])
  if not order then return refuse(CODE.not_found) end
  if op == 2 then return decidePay(sale, lane, c, record, order, want) end
  if op == 3 then return decideRelease(sale, lane, c, record, order, want) end
  if order[3] == HELD and order[5] <= lane.holdClock then
    endHold(sale, lane, c[3], record, order, EXPIRED, want)
  end
  if op == 4 then
    if order[3] == EXPIRED then return refuse(CODE.hold_expired) end
    if order[3] ~= HELD then return refuse(CODE.illegal_transition, order[3]) end
    if order[6] < c[5] then
      order[6] = c[5]
      touchOrder(sale, c[3], order)
    end
  end
  return orderReply(CODE.done, sale, lane, order, order[3])
end

local function decideCount(sale, lane)
  local reply = { CODE.done, sale.st, sale.start, sale.ends, sale.expired, sale.released }
  local items = {}
  for i = 1, #sale.items do
    local it = sale.items[i]
    items[i] = { it.product, it.price, it.allotted, available(it), it.held, it.sold }
  end
  reply[7] = items
  local counted = redis.call('HGETALL', KEYS[sale.base])
  local refused, attempts, times = {}, 0, {}
  for code, more in pairs(sale.refused) do times[code] = more end
  for i = 1, #counted, 2 do
    if counted[i] == 'attempts' then
      attempts = tonumber(counted[i + 1])
    elseif string.sub(counted[i], 1, 2) == 'x-' then
      local code = tonumber(string.sub(counted[i], 2))
      times[code] = (times[code] or 0) + tonumber(counted[i + 1])
    end
  end
  for code, n in pairs(times) do refused[#refused + 1] = { code, n } end
  reply[8], reply[9], reply[10] = attempts + sale.attempts, refused, lane.inDoubt
  reply[11] = lane.inDoubt > 0 and lane.now - lane.doubt or 0
  return pack(reply)
end

local function decide(sale, lane, c, want)
  local op = c[1]
  latch(sale, lane)
  if op == 1 then
    local reply, code = decideHold(sale, lane, c, want)
    sale.attempts = sale.attempts + 1
    if code < 0 then sale.refused[code] = (sale.refused[code] or 0) + 1 end
    return reply, code
  end
  if op <= 5 then return decideOrder(sale, lane, c, want) end
  if op == 6 then return decideCount(sale, lane) end
  if op == 7 then
    local ended = reap(sale, lane, c[5], want)
    return pack({ CODE.done, ended, sale.drained and 1 or 0 })
  end
  if op == 9 then return sale.decide(lane, c, want) end
  return pack({ CODE.done, sale.st })
end
