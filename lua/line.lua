-- A batch of what shoppers and the admitter ask of the lines of one lane, like shop.lua.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; then for each sale
--         of the batch: sale, records, due, returned, waiting, turns, present, parked, gone
-- ARGV    header (msgpack: see include/gate.lua); shape and columns as in shop.lua, of the joins: a
--         kind is { sale, verified }; the others { op, sale, … }
--           leave  { 2, sale, shopper, key }: '' = without one, so never replayed
--           ticket { 3, sale, shopper, present }
--           seen   { 4, sale, { shopper, … } }
--           admit  { 5, sale, most }
--           lapse  { 6, sale, most }
--           line   { 7, sale }
-- Returns msgpack { status, epoch, head sequence, lane time (ms), outage (ms), replies, figures }; a
--         reply is { code, … }; for a join before the bell by who had no record its index; for a
--         ticket { code, 1 = known before, index, number, state, turn
--         ends (lane time), key, ahead }; for an admit { code, admitted, room }; for a lapse { code,
--         ended, 1 = none is left overdue }; for a join whose key made, with the same body, a ticket
--         that another has followed { idempotency_key_reused, 1 }. Figures, for each sale false or { mode, state, bell,
--         numbered, joined, waiting, parked, turns, claims, available, limit, serving, cut line, turn
--         ms, factor }, and `ahead`, are as at the end of the batch
-- Emits   joined, left, admitted, lapsed, expired, opened, bell, closing
--         A batch that only sees shoppers writes to memory alone.
-- Cost    one HMGET for each sale's terms and one for its records, one write of each structure, a
--         look into the waiting numbers (logarithmic) for each ticket that waits with one, and another
--         for its number while it is one of the draw
--@include codes
--@include pack
--@include gate
--@include sale
--@include available
--@include flush
--@include places
--@include columns
--@include joins
--@include figures

local header = cmsgpack.unpack(ARGV[1])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return cmsgpack.pack({ status, lane or 0, why or '' }) end

local WIDTH = 9
local batch, saleCount = unpackBatch(ARGV[2], ARGV[3]), (#KEYS - 8) / WIDTH
local function open(base)
  local sale = openSale(base)
  if sale then openPlaces(sale, writePlaces) end
  return sale
end
-- What most batches before a bell can do without (as in shop.lua).
local general
local function ask()
  if general then return general end
--@include units
--@include record
--@include ticket
--@include check_line
--@include line
--@include other_line
  general = {
    refuse = refuse, decide = decide, decideOne = joinOne, take = takeOthers, read = readOthers,
    -- No join asks for an order.
    readApart = function() end,
  }
  return general
end

--@include answer

local used, lists, malformed = {}, {}, {}
for i = 1, #batch.kinds do used[batch.kinds[i][1]] = true end
if #batch.others > 0 then lists, malformed = ask().take(batch.others, saleCount, used) end
local sales, order = openAll(used, {}, lists, malformed)
local replies = answerAll(sales, malformed, 0)
flush(lane, sales, order)
tellAll(batch, sales, replies)
local figures = {}
for index = 0, saleCount - 1 do
  local sale = sales[index]
  figures[index + 1] = sale and not sale.fault and not sale.frozen and sale.line
    and figuresOfLine(sale) or false
end
return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, lane.now, lane.outage, replies, figures })
