-- A sale's working copy for one batch: read once, changed by decisions, written once by `flush`.
-- `base` is the index of its first key: sale, records, due, returned.
-- counts (packed in field `n`): expired, released, then per item allotted, next, last, held, sold,
-- returned. Numbers next..last were never issued; `returned` ones wait in the sorted set.
-- terms of its line (packed in field `line`, if it has one): mode, turn ms, factor in percent, most
-- that wait; its counts (field `ln`): joined, bell (tickets then; -1 = not rung), numbered, given,
-- waiting, turns, claims, serving, paused ms, paused at (hold clock; 0 = is not), begun (turns ever).
-- Raises an error for a sale that `flush` could not write: what it writes is read, or touched here.
-- Scores of an item's returned numbers begin at item * SPAN.
local SPAN = 100000000

local LINE = { 'joined', 'bell', 'numbered', 'given', 'waiting', 'turns', 'claims', 'serving',
  'paused', 'pausedAt', 'begun' }

local function lineOf(packed, counts)
  local terms, n = cmsgpack.unpack(packed), cmsgpack.unpack(counts)
  local line = { mode = terms[1], turn = terms[2], factor = terms[3], most = terms[4] }
  for i = 1, #LINE do line[LINE[i]] = n[i] end
  -- Counted since there are lines of the first form: those have not less than their open turns.
  line.begun = line.begun or line.turns
  return line
end

local function packedCounts(line)
  local n = {}
  for i = 1, #LINE do n[i] = line[LINE[i]] end
  return cmsgpack.pack(n)
end

local function openSale(base)
  local f = redis.call('HMGET', KEYS[base], 'st', 'start', 'end', 'limit', 'hold', 'who', 'items',
    'n', 'want', 'got', 'frz', 'id', 'kept', 'line', 'ln', 'attempts')
  if not f[1] then return nil end
  local due = redis.call('ZRANGE', KEYS[base + 2], 0, 0, 'WITHSCORES')
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
    line = f[14] and lineOf(f[14], f[15]) or nil,
    expired = n[1],
    released = n[2],
    dirty = false,
    records = {},
    touched = {},
    spilled = {},
    fieldOf = {},
    touchedOrders = {},
    plain = {},
    events = {},
    told = 0,
    stage = 0,
    due = {},
    refused = {},
    attempts = 0,
    -- Nil = what is counted there is no number.
    tried = tonumber(f[16] or 0),
    firstDue = tonumber(due[2]),
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
  sale.events[#sale.events + 1] = pack(event)
  sale.told = sale.told + 1
end

-- All pauses up to now (ms), the one that lasts among them. The turn clock, in which turns end, is the
-- hold clock less them: a resume lengthens every turn and rewrites none.
local function pausedMs(line, lane)
  return line.paused + (line.pausedAt > 0 and lane.holdClock - line.pausedAt or 0)
end

local function endPause(sale, lane)
  local line = sale.line
  if line then line.paused, line.pausedAt = pausedMs(line, lane), 0 end
end

-- Opening, the bell and the end are latches on lane time: once over, never back.
local function latch(sale, lane)
  if sale.st == SCHEDULED and sale.got >= sale.want and lane.now >= sale.start then
    sale.st = LIVE
    sale.dirty = true
    emit(sale, { 'opened', 0 })
    local line = sale.line
    if line then
      line.bell, line.numbered = line.joined, line.joined == 0 and 1 or 0
      emit(sale, { 'bell', 0, line.joined })
    end
  end
  if (sale.st == LIVE or sale.st == PAUSED) and sale.ends > 0 and lane.now >= sale.ends then
    sale.st = CLOSING
    sale.dirty = true
    endPause(sale, lane)
    emit(sale, { 'closing', 0 })
  end
end
