-- A batch of what shoppers and the admitter ask of the lines of one lane, like shop.lua.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; then for each sale
--         of the batch: sale, records, due, returned, waiting, turns, present, parked
-- ARGV    header (msgpack: see include/gate.lua); commands (msgpack array of { op, sale, … },
--         `sale` counted from 0 in the order of KEYS)
--           join   { 1, sale, shopper, key, verified }
--           leave  { 2, sale, shopper }
--           ticket { 3, sale, shopper, present }
--           seen   { 4, sale, { shopper, … } }
--           admit  { 5, sale, most }
--           lapse  { 6, sale, most }
--           line   { 7, sale }
-- Returns msgpack { status, epoch, head sequence, lane time (ms), outage (ms), replies, figures }; a
--         reply is { code, … }; for a ticket { code, 1 = known before, index, number, state, turn
--         ends (lane time), key, ahead }; for an admit { code, admitted, room }; for a lapse { code,
--         ended, 1 = none is left overdue }. Figures, for each sale false or { mode, state, bell,
--         numbered, joined, waiting, parked, turns, claims, available, limit, serving, cut line, turn
--         ms, factor }, and `ahead`, are as at the end of the batch
-- Emits   joined, left, admitted, lapsed, expired, opened, bell, closing
--         A batch that only sees shoppers writes to memory alone.
-- Cost    one HMGET for each sale's terms and one for its records, one write of each structure, a
--         look into the waiting numbers (logarithmic) for each ticket that waits with one
--@include codes
--@include pack
--@include gate
--@include sale
--@include units
--@include record
--@include ticket
--@include flush
--@include places
--@include check_line
--@include line
--@include answer

local header = cmsgpack.unpack(ARGV[1])
local commands = cmsgpack.unpack(ARGV[2])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return cmsgpack.pack({ status, lane or 0, why or '' }) end

local sales, order, shoppers, malformed, count = {}, {}, {}, {}, (#KEYS - 8) / 8
local function open(base)
  local sale = openSale(base)
  if sale then openPlaces(sale, writePlaces) end
  return sale
end

for i = 1, #commands do
  local c = commands[i]
  if wellFormed(c, count) then
    local index = c[2]
    if sales[index] == nil then
      local base = 9 + index * 8
      local ok, sale = pcall(open, base)
      if not ok then sale = { base = base, fault = faultText(sale), due = {} } end
      sales[index] = sale or false
      order[#order + 1] = index
      shoppers[index] = {}
    end
    if c[1] <= 3 then shoppers[index][#shoppers[index] + 1] = c[3] end
  else
    malformed[i] = { CODE.fault, 'malformed command' }
  end
end
for _, index in ipairs(order) do
  local sale = sales[index]
  if sale and not sale.fault and not sale.frozen then
    local ok, fault = pcall(readRecords, sale, shoppers[index])
    if not ok then sale.fault = faultText(fault) end
  end
end

local replies = answerAll(commands, malformed, sales, lane, decide)
flush(lane, sales, order)
for i = 1, #commands do
  if #replies[i] == 8 then tellAhead(sales[commands[i][2]], replies[i]) end
end
local figures = {}
for index = 0, count - 1 do
  local sale = sales[index]
  figures[index + 1] = sale and not sale.fault and not sale.frozen and sale.line
    and figuresOfLine(sale) or false
end
return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, lane.now, lane.outage, replies, figures })
