-- One lane command: what Postgres or a vendor decided for this lane. Only the one after the last
-- applied is applied; each emits one event with its number and outcome, also when refused.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; sale, records, due,
--         returned of its sale
-- ARGV    header (msgpack: see include/gate.lua); command (msgpack { number, kind, body … }):
--           install { sale, start ms, end ms, limit, hold ms, verified only, credits wanted,
--                     { { product, price }, … } }
--           credit  { move, item, units }     debit { move, item, units }
--           pause {}  resume {}  close {}
-- Returns msgpack { status, epoch, head sequence, applied }: applied 1 = now, 0 = before,
--         -1 = an earlier number is missing
-- Emits   installed, moved, paused, resumed, closing, closed (number, 1 | 0, reason, …), opened
-- Cost    one command a call; close ends up to 256 overdue holds first
--@include codes
--@include gate
--@include sale
--@include units
--@include record
--@include flush
--@include apply

local header = cmsgpack.unpack(ARGV[1])
local command = cmsgpack.unpack(ARGV[2])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return cmsgpack.pack({ status, lane or 0, why or '' }) end
local number, kind, body = command[1], command[2], command[3]
local last = tonumber(redis.call('GET', KEYS[8]))
if number <= last then return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, 0 }) end
if number > last + 1 then return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, -1 }) end

local opened, sale = pcall(openSale, 9)
if not opened then sale = { id = command[4], frozen = true } end
local new = not sale
if new and kind == 'install' then sale = newSale(body) end
if not sale then
  sale = { base = 9, id = command[4], events = {}, missing = true }
  emit(sale, refusal(kind, number, 'not_found', body))
elseif sale.frozen then
  sale = { base = 9, id = sale.id, events = {}, missing = true }
  emit(sale, refusal(kind, number, 'sale_frozen', body))
else
  local ok, fault = pcall(apply, sale, lane, number, kind, body, new)
  if not ok then
    sale = { base = 9, id = sale.id, events = {}, missing = true, frz = faultText(fault) }
    emit(sale, refusal(kind, number, 'fault', body))
  end
end

-- First, because Redis runs this at any memory use, and what follows it too.
redis.call('ZREM', KEYS[7], '')
redis.call('SET', KEYS[8], number)
append(lane, { sale }, { 1 })
if sale.frz then
  redis.call('HSET', KEYS[9], 'frz', sale.frz)
elseif not sale.missing then
  if new then install(sale) end
  writeSale(sale, lane)
end
return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, 1 })
