-- One lane command: what Postgres or a vendor decided for this lane. Only the one after the last
-- applied is applied; each emits one event with its number and outcome, also when refused.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; sale, records, due,
--         returned, waiting, turns, present, parked, gone of its sale
-- ARGV    header (msgpack: see include/gate.lua); command (msgpack { number, kind, body … }):
--           install { sale, start ms, end ms, limit, hold ms, verified only, credits wanted,
--                     { { product, price }, … }, { mode, turn ms, factor in percent, most that
--                     wait } or nothing, which is no line }; mode 1 = queue, 2 = draw
--           terms { as an install's: the sale's new ones, before its bell }
--           numbers { from, count, { index, … }, { shopper, … } }
--           credit  { move, item, units }     debit { move, item, units }
--           pause {}  resume {}  close {}
-- Returns msgpack { status, epoch, head sequence, applied }: applied 1 = now, 0 = before,
--         -1 = an earlier number is missing
-- Emits   installed, changed, moved, paused, resumed, closing, closed, numbers (number, 1 | 0, reason, …),
--         opened, bell. With a line a pause tells the hold clock, a resume all pauses so far (ms)
-- Cost    one command a call; close ends up to 256 overdue holds first. Returned numbers that leave
--         are read one by one, 2 µs each: 4,096 a close, 32,768 a debit at most.
--         Numbers write a place each: 5,000 a command
--@include codes
--@include pack
--@include gate
--@include sale
--@include available
--@include units
--@include record
--@include ticket
--@include flush
--@include places
--@include apply

local header = cmsgpack.unpack(ARGV[1])
local command = cmsgpack.unpack(ARGV[2])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return cmsgpack.pack({ status, lane or 0, why or '' }) end
local number, kind, body = command[1], command[2], command[3]
local last = tonumber(redis.call('GET', KEYS[8]))
if number <= last then return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, 0 }) end
if number > last + 1 then return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, -1 }) end

local function decideCommand()
  local sale = openSale(9)
  local new = not sale and kind == 'install'
  if new then sale = newSale(command[4], body) end
  if not sale then return nil, 'not_found' end
  if sale.frozen then return nil, 'sale_frozen' end
  apply(sale, lane, number, kind, body, new)
  sale.new = new
  return sale
end

-- A command that cannot be applied is refused, whatever it is: those behind it must not wait.
local ok, sale, reason = pcall(decideCommand)
local fault = not ok and faultText(sale)
local refused = fault or not sale
if refused then
  sale = { id = command[4], events = {}, told = 0 }
  emit(sale, refusal(kind, number, fault and 'fault' or reason, body))
end

-- First, because Redis runs this at any memory use, and what follows it too. The number is taken
-- after its event is written: a number without an event would never have an outcome.
redis.call('ZREM', KEYS[7], '')
append(lane, { sale }, { 1 })
redis.call('SET', KEYS[8], number)
if not refused then
  if sale.new or sale.changed then install(sale) end
  writeSale(sale, lane)
elseif fault and redis.pcall('HEXISTS', KEYS[9], 'st') == 1 then
  redis.call('HSET', KEYS[9], 'frz', fault)
end
return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, 1 })
