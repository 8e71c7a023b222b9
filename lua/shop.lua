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
--           together { 9, -1, { command, … }, look }: holds { 1, sale, shopper, key, fingerprint,
--           quantity, product, verified }, or pays, releases, reads, of one shopper; all are done or
--           none. `look` 1 = holds are never done: { lines_refused, {} } where nothing is in the way
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
--@include columns
--@include holds

local header = cmsgpack.unpack(ARGV[1])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return pack({ status, lane or 0, why or '' }) end

local WIDTH, open = 4, openSale
local batch, saleCount = unpackBatch(ARGV[2], ARGV[3]), (#KEYS - 8) / WIDTH
lane.batch = batch

-- What most batches of a rush can do without. A script makes its functions anew with each call, so
-- these are made when the first command asks for them.
local general
local function ask()
  if general then return general end
--@include available
--@include units
--@include record
--@include ticket
--@include decide
--@include together
--@include check
--@include other
  general = {
    refuse = refuse, decide = decide, decideOne = decideOther, take = takeOthers, read = readOthers,
    readApart = readApart, together = decideTogether, addFaults = addFaults,
  }
  return general
end

--@include answer

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
      decide = function(at, c, most) return general.together(sales, at, c[3], most, c[4] == 1) end,
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
