-- A batch of what shoppers and the loops that serve them ask of one lane: read what the commands
-- need, decide each on a working copy, write once, append the events as one outbox entry.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; then for each sale
--         of the batch: sale, records, due, returned
-- ARGV    header (msgpack: see include/gate.lua)
--         shape (msgpack { commands, holds, kinds, others }), `sale` counted from 0 in the order of KEYS
--           kinds   { { sale, fingerprint, quantity, product, verified }, … } of holds
--           others  { { op, sale, shopper, key, … }, … }: the commands that are no holds
--         columns (msgpack, one value behind the other): for each command the kind of its hold, from
--         1, or 0 = the next of the others; the shoppers of the holds; their keys
--           pay     { 2, sale, shopper, key, end key, end fingerprint }
--           release { 3, sale, shopper, key, end key, end fingerprint }
--           details { 4, sale, shopper, key, generation }
--           read    { 5, sale, shopper, key }
--           count   { 6, sale }
--           reap    { 7, sale, _, _, most }
--           touch   { 8, sale }
--           together { 9, -1, { command, … } }: holds { 1, sale, shopper, key, fingerprint, quantity,
--           product, verified }, or pays, releases, reads, of one shopper; all are done or none
-- Returns msgpack { status, epoch, head sequence, lane time (ms), outage (ms), replies, plain }; a
--         reply is { code, … }; for a reap { code, holds ended, 1 = none is left overdue }; for an order
--         { code, state, item, product, price, held at, deadline, details, { unit, … },
--         ended at }; for a together { code, replies }, or { lines_refused, { { i, refusal }, … } },
--         i from 0: the holds that are in the way; or the one refusal for all. A hold that was taken
--         may be a number: unit * kinds + kind - 1. Then `plain`, by kind, has that reply, to the details
-- Emits   held, paid, released, expired, finished, lapsed, opened, bell, closing
--         A batch that only refused writes to memory, and to the file once in 100 ms.
-- Cost    one HMGET for each sale's terms and one for its records, one write of each structure;
--         measured in docs/decisions/0040-bytes-by-hand-in-the-scripts.md
--@include codes
--@include pack
--@include gate
--@include sale
--@include flush
--@include holds

local header = cmsgpack.unpack(ARGV[1])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return pack({ status, lane or 0, why or '' }) end

local batch, saleCount = unpackBatch(ARGV[2], ARGV[3]), (#KEYS - 8) / 4
lane.batch = batch

-- What most batches of a rush can do without. A script makes its functions anew with each call, so
-- these are made when the first command asks for them.
local general
local function ask()
  if general then return general end
--@include units
--@include record
--@include ticket
--@include decide
--@include together
--@include check
--@include other
  general = {
    refuse = refuse, decide = decide, hold = decideOther, take = takeOthers, read = readOthers,
    readApart = readApart, together = decideTogether, addFaults = addFaults,
  }
  return general
end

-- Working copies of the batch's sales, with what its commands need of them. `faults` = those that must
-- stay out of it, and why.
local function openAll(used, faults, lists, malformed)
  local sales, order, first, one = {}, {}, batch.kinds[1], true
  for index = 0, saleCount - 1 do
    if used[index] then
      local base = 9 + index * 4
      local ok, sale = not faults[index], faults[index]
      if ok then ok, sale = pcall(openSale, base) end
      if not ok then sale = { base = base, fault = faultText(sale), stage = 0 } end
      sales[index] = sale or false
      order[#order + 1] = index
    end
  end
  for number, kind in ipairs(batch.kinds) do
    kind.number, kind.copy, kind.stage = number, sales[kind[1]], nil
    one = one and kind[1] == first[1]
  end
  local function read(sale, index)
    local names, count = batch.shoppers, first and index == first[1] and batch.holds or 0
    if not one then
      names = { 0 }
      local hold = 0
      for i = 1, batch.count do
        local kind = batch.kinds[batch.slots[i + 1]]
        if kind then
          hold = hold + 1
          if kind.copy == sale then names[#names + 1] = batch.shoppers[hold + 1] end
        end
      end
      count = #names - 1
    end
    if readHolders(sale, names, count) then ask().readApart(sale, batch) end
    if lists[index] then ask().read(sale, index, lists[index], batch.others, malformed) end
  end
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale and not sale.fault and not sale.frozen then
      local ok, fault = pcall(read, sale, index)
      if not ok then sale.fault = faultText(fault) end
    end
  end
  return sales, order
end

-- Decides the batch, command by command. Returns the replies, one for each.
local function answerAll(sales, malformed, want)
  local slots, kinds, others = batch.slots, batch.kinds, batch.others
  local replies, at, hold, other, busy = {}, 0, 0, 0, nil
  local function answerHold(kind)
    local sale = kind.copy
    local may = sale and not sale.frozen and not sale.fault
    busy = sale
    if may and kind.stage ~= sale.stage then look(kind, sale, lane) end
    local taken = may and kind.item and takePlain(batch, kind, sale, at, hold, replies) or 0
    at, hold = at + math.max(taken, 1), hold + math.max(taken, 1)
    if taken > 0 then return end
    local shopper = batch.shoppers[hold + 1]
    if not may then
      replies[at] = ask().refuse(sale and CODE.sale_frozen or CODE.not_found)
    elseif kind.refusal and kind.stage == sale.stage and sale.records[shopper] == nil then
      local code = kind.code
      replies[at] = kind.refusal
      sale.attempts, sale.refused[code] = sale.attempts + 1, (sale.refused[code] or 0) + 1
    else
      replies[at] = ask().hold(sale, lane, kind, shopper, batch.keys[hold + 1], want)
    end
  end
  local function answerOther()
    at, other = at + 1, other + 1
    local c, wrong = others[other], malformed[other]
    local sale = not wrong and sales[c[2]]
    busy = sale
    if not sale then
      replies[at] = wrong or ask().refuse(CODE.not_found)
    elseif sale.frozen or sale.fault then
      replies[at] = ask().refuse(CODE.sale_frozen)
    else
      for _, one in pairs(sales) do
        if one then one.stage = one.stage + 1 end
      end
      replies[at] = ask().decide(sale, lane, c, want)
    end
  end
  -- One pcall for all that goes well: after an error it goes on with the next command.
  local function answerOn()
    while at < batch.count do
      local kind = kinds[slots[at + 2]]
      if kind then answerHold(kind) else answerOther() end
    end
  end
  repeat
    local ok, fault = pcall(answerOn)
    if not ok then busy.fault = faultText(fault) end
  until ok
  -- A fault takes the whole sale's part of the batch back: nothing of it is written.
  other = 0
  for i = 1, batch.count do
    local kind, sale = kinds[slots[i + 1]], nil
    if kind then
      sale = kind.copy
    else
      other = other + 1
      sale = not malformed[other] and sales[others[other][2]]
    end
    if sale and sale.fault then replies[i] = ask().refuse(CODE.fault, sale.fault) end
  end
  return replies
end

local used, want, lists, malformed, grouped = {}, 0, {}, {}, false
for i = 1, #batch.kinds do used[batch.kinds[i][1]] = true end
if #batch.others > 0 then
  lists, want, malformed, grouped = ask().take(batch.others, saleCount, used)
end
for i = 1, batch.count do
  local kind = batch.kinds[batch.slots[i + 1]]
  if kind then want = want + kind[3] end
end

local faults, sales, order, replies = {}, nil, nil, nil
repeat
  sales, order = openAll(used, faults, lists, malformed)
  if grouped then
    sales[-1] = {
      stage = 0,
      decide = function(at, c, most) return general.together(sales, at, c[3], most) end,
    }
  end
  replies = answerAll(sales, malformed, want)
until not grouped or not general.addFaults(faults, batch.others, malformed, sales)
flush(lane, sales, order)
replies[0] = '\151' .. pack(STATUS.ok) .. pack(lane.epoch) .. pack(lane.seq) .. pack(lane.now)
  .. pack(lane.outage) .. arrayHead(batch.count)
local last = batch.count + 1
replies[last] = arrayHead(#batch.kinds)
for i, kind in ipairs(batch.kinds) do
  replies[last + i] = kind.reply and '\152' .. string.sub(kind.reply, 2) or '\194'
end
return concat(replies, '', 0, last + #batch.kinds)
