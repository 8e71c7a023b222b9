-- A sale's working copy for one batch: read once, changed by decisions, written once by `flush`.
-- `base` is the index of its first key: sale, records, due, returned.
-- counts (packed in field `n`): expired, released, then per item allotted, next, last, held, sold,
-- returned. Numbers next..last were never issued; `returned` ones wait in the sorted set.
-- Raises an error for a sale that `flush` could not write: what it writes is read, or touched here.
local function openSale(base)
  local f = redis.call('HMGET', KEYS[base], 'st', 'start', 'end', 'limit', 'hold', 'who', 'items',
    'n', 'want', 'got', 'frz', 'id', 'kept')
  if not f[1] then return nil end
  redis.call('ZCARD', KEYS[base + 2])
  redis.call('ZCARD', KEYS[base + 3])
  if not f[12] then error('a sale without its id') end
  local n = cmsgpack.unpack(f[8])
  local terms = cmsgpack.unpack(f[7])
  local items = {}
  for i = 1, #terms do
    local o = 2 + (i - 1) * 6
    items[i] = {
      product = terms[i][1],
      price = terms[i][2],
      allotted = n[o + 1],
      next = n[o + 2],
      last = n[o + 3],
      held = n[o + 4],
      sold = n[o + 5],
      returned = n[o + 6],
    }
  end
  return {
    base = base,
    id = f[12],
    st = tonumber(f[1]),
    start = tonumber(f[2]),
    ends = tonumber(f[3]),
    limit = tonumber(f[4]),
    hold = tonumber(f[5]),
    who = tonumber(f[6]),
    want = tonumber(f[9]),
    got = tonumber(f[10]),
    frozen = f[11] ~= false and f[11] ~= nil,
    items = items,
    expired = n[1],
    released = n[2],
    dirty = false,
    records = {},
    touched = {},
    spilled = {},
    fieldOf = {},
    touchedOrders = {},
    events = {},
    due = {},
    refused = {},
    attempts = 0,
    kept = tonumber(f[13] or 0),
    free = {},
    drained = false,
    looked = 0,
    rest = nil,
    dueRemoved = {},
  }
end

-- What went wrong, in words: an error of Redis is a table, one of Lua a string.
local function faultText(fault)
  return type(fault) == 'table' and tostring(fault.err) or tostring(fault)
end

local function emit(sale, event)
  sale.events[#sale.events + 1] = event
end

-- Opening, the bell and the end are latches on lane time: once over, never back.
local function latch(sale, lane)
  if sale.st == SCHEDULED and sale.got >= sale.want and lane.now >= sale.start then
    sale.st = LIVE
    sale.dirty = true
    emit(sale, { 'opened', 0 })
  end
  if (sale.st == LIVE or sale.st == PAUSED) and sale.ends > 0 and lane.now >= sale.ends then
    sale.st = CLOSING
    sale.dirty = true
    emit(sale, { 'closing', 0 })
  end
end
