-- Lets a sale that a fault has frozen take commands again. The caller has recounted it; here it is
-- read once more, and its counters must add up.
-- KEYS    marker, frozen, ends, clock, outbox, watermark, dues, last command; sale, records, due,
--         returned of the sale; verified run
-- ARGV    header (msgpack: see include/gate.lua); the fault that it was recounted under
-- Returns msgpack { status, epoch, head sequence, outcome, why }: outcome 1 = thawed, 0 = it was not
--         frozen, -1 = there is no such sale, -2 = another fault has happened since (why = it),
--         -3 = it cannot be read or does not add up (why = how), -4 = this server was not verified
-- Cost    one sale's terms and counters
--@include codes
--@include pack
--@include gate
--@include sale
--@include available
--@include units

local header = cmsgpack.unpack(ARGV[1])
local status, lane, why = gate(header)
if status ~= STATUS.ok then return cmsgpack.pack({ status, lane or 0, why or '' }) end

local function answer(outcome, text)
  return cmsgpack.pack({ STATUS.ok, lane.epoch, lane.seq, outcome, text or '' })
end

-- What does not add up, in words; nil = all does.
local function wrong(sale)
  for i = 1, #sale.items do
    local it = sale.items[i]
    local low = i * SPAN
    local back = redis.call('ZCOUNT', KEYS[12], low, low + SPAN - 1)
    if it.returned ~= back then
      return 'item ' .. i - 1 .. ': ' .. it.returned .. ' returned, the set has ' .. back
    end
    if it.allotted ~= available(it) + it.held + it.sold then
      return 'item ' .. i - 1 .. ': ' .. it.allotted .. ' allotted, ' .. available(it) .. ' free, '
        .. it.held .. ' held, ' .. it.sold .. ' sold'
    end
  end
  redis.call('HLEN', KEYS[10])
  return nil
end

-- The caller looked before it recounted; only the server itself knows who answers now.
local run = redis.call('GET', KEYS[13])
if not run or not string.find(redis.call('INFO', 'server'), 'run_id:' .. run, 1, true) then
  return answer(-4)
end
local ok, sale = pcall(openSale, 9)
if not ok then return answer(-3, faultText(sale)) end
if not sale then return answer(-1) end
if not sale.frozen then return answer(0) end
local fault = redis.call('HGET', KEYS[9], 'frz')
if fault ~= ARGV[2] then return answer(-2, fault) end
local read, found = pcall(wrong, sale)
if not read or found then return answer(-3, read and found or faultText(found)) end
-- First, because Redis runs this at any memory use.
redis.call('HDEL', KEYS[9], 'frz')
return answer(1)
