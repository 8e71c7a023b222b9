-- A batch of what shoppers and the loops that serve them ask of one lane: read what the commands
-- need, decide each on a working copy, write once, append the events as one outbox entry.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; then for each sale
--         of the batch: sale, records, due, returned
-- ARGV    header (msgpack: see include/gate.lua); commands (msgpack array of
--         { op, sale, shopper, key, … }, `sale` counted from 0 in the order of KEYS)
--           hold    { 1, sale, shopper, key, fingerprint, quantity, product, verified }
--           pay     { 2, sale, shopper, key, end key, end fingerprint }
--           release { 3, sale, shopper, key, end key, end fingerprint }
--           details { 4, sale, shopper, key, generation }
--           read    { 5, sale, shopper, key }
--           count   { 6, sale }
--           reap    { 7, sale, _, _, most }
--           touch   { 8, sale }
--           together { 9, -1, { command, … } }: holds, or pays, releases, reads, of one shopper; all
--           are done or none
-- Returns msgpack { status, epoch, head sequence, lane time (ms), outage (ms), replies }; a reply
--         is { code, … }; for a reap { code, holds ended, 1 = none is left overdue }; for an order
--         { code, state, item, product, price, held at, deadline, details, { unit, … },
--         ended at }; for a together { code, replies }, or { lines_refused, { { i, refusal }, … } },
--         i from 0: the holds that are in the way; or the one refusal for all
-- Emits   held, paid, released, expired, finished, lapsed, opened, bell, closing
--         A batch that only refused writes to memory, and to the file once in 100 ms.
-- Cost    one HMGET for each sale's terms and one for its records, one write of each structure;
--         measured in docs/decisions/0040-bytes-by-hand-in-the-scripts.md
--@include codes
--@include pack
--@include gate
--@include sale
--@include units
--@include record
--@include ticket
--@include flush
--@include decide
--@include together
--@include check
--@include answer

local header = cmsgpack.unpack(ARGV[1])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return pack({ status, lane or 0, why or '' }) end

local commands, count = unpackCommands(ARGV[2]), (#KEYS - 8) / 4

-- Working copies of the batch's sales; `faults` = those that must stay out of it, and why.
local function openAll(faults)
  local sales, order, shoppers, want, asked, grouped = {}, {}, {}, 0, commands, false
  local function open(index)
    local base = 9 + index * 4
    local ok, sale = not faults[index], faults[index]
    if ok then ok, sale = pcall(openSale, base) end
    if not ok then sale = { base = base, fault = faultText(sale), due = {} } end
    sales[index] = sale or false
    order[#order + 1] = index
    shoppers[index] = {}
  end
  local function take(c)
    local op, index = c[1], c[2]
    if op == 9 then
      grouped = true
      for i = 1, #c[3] do
        index = c[3][i][2]
        if sales[index] == nil then open(index) end
        local list = shoppers[index]
        list[#list + 1] = c[3][i][3]
        if c[3][i][1] == 1 then want = want + c[3][i][6] end
      end
      return
    end
    if sales[index] == nil then open(index) end
    if op > 5 then return end
    local list = shoppers[index]
    list[#list + 1] = c[3]
    if op == 1 then want = want + c[6] end
  end
  local malformed = takeWellFormed(commands, count, take)
  if grouped then
    sales[-1] = { decide = function(at, c, most) return decideTogether(sales, at, c[3], most) end }
    asked = withLines(commands, malformed)
  end
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale and not sale.fault and not sale.frozen and #shoppers[index] > 0 then
      local ok, fault = pcall(readAll, sale, index, shoppers[index], asked, malformed)
      if not ok then sale.fault = faultText(fault) end
    end
  end
  return sales, order, malformed, want, grouped
end

local faults = {}
local sales, order, malformed, want, grouped, replies
repeat
  sales, order, malformed, want, grouped = openAll(faults)
  replies = answerAll(commands, malformed, sales, lane, decide, want)
until not grouped or not addFaults(faults, commands, malformed, sales)
flush(lane, sales, order)
replies[0] = '\150' .. pack(STATUS.ok) .. pack(lane.epoch) .. pack(lane.seq) .. pack(lane.now)
  .. pack(lane.outage) .. arrayHead(#replies)
return concat(replies, '', 0, #replies)
