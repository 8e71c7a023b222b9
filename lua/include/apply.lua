-- What a lane command does to the working copy of its sale. Every branch emits exactly one event
-- with the command's number; a refusal changes nothing.
local EVENT = {
  install = 'installed', terms = 'changed', credit = 'moved', debit = 'moved', pause = 'paused',
  resume = 'resumed', close = 'closed', numbers = 'numbers',
}

-- The event of a command that its sale could not even look at. The body may be anything.
local function refusal(kind, number, reason, body)
  if kind == 'credit' or kind == 'debit' then
    if type(body) ~= 'table' then body = {} end
    return { 'moved', number, 0, reason, body[1] or '', kind, body[2] or 0, body[3] or 0 }
  end
  if kind == 'numbers' then
    if type(body) ~= 'table' then body = {} end
    return { 'numbers', number, 0, reason, body[1] or 0, body[2] or 0 }
  end
  return { EVENT[kind] or tostring(kind), number, 0, reason }
end

local function checked(value, kind)
  if type(value) ~= kind then error('malformed command') end
  return value
end

local function checkedUnits(units, least)
  if checked(units, 'number') < least or units % 1 ~= 0 then error('malformed command') end
  return units
end

-- Of a sale with a line: mode, turn ms, factor in percent, most that wait.
local function newLine(terms)
  if terms == nil then return nil end
  for i = 1, 4 do checked(terms[i], 'number') end
  if terms[1] ~= 1 and terms[1] ~= 2 or terms[3] < 1 then error('malformed command') end
  return {
    mode = terms[1], turn = terms[2], factor = terms[3], most = terms[4], joined = 0, bell = -1,
    numbered = 0, given = 0, waiting = 0, turns = 0, claims = 0, serving = 0, paused = 0,
    pausedAt = 0, begun = 0,
  }
end

-- Raises an error for terms that the write phase could not write.
local function newSale(id, body)
  if body[1] ~= checked(id, 'string') then error('malformed command') end
  local items = {}
  for i = 1, #body[8] do
    items[i] = {
      product = checked(body[8][i][1], 'string'), price = checked(body[8][i][2], 'number'),
      allotted = 0, next = 1, last = 0, held = 0, sold = 0, returned = 0,
    }
  end
  for i = 2, 7 do checked(body[i], 'number') end
  return {
    base = 9, id = id, st = SCHEDULED, start = body[2], ends = body[3], limit = body[4],
    line = newLine(body[9]), hold = body[5], who = body[6], want = body[7], got = 0, items = items,
    expired = 0, released = 0, dirty = true, records = {}, touched = {}, spilled = {},
    fieldOf = {}, touchedOrders = {}, plain = {}, events = {}, told = 0, stage = 0, due = {},
    refused = {},
    attempts = 0, kept = 0, free = {}, drained = false, looked = 0, dueRemoved = {},
  }
end

-- The terms, written once; what changes is written by `writeCounts`.
local function install(sale)
  local terms = {}
  for i = 1, #sale.items do terms[i] = { sale.items[i].product, sale.items[i].price } end
  redis.call('HSET', KEYS[9], 'id', sale.id, 'start', sale.start, 'end', sale.ends, 'limit',
    sale.limit, 'hold', sale.hold, 'who', sale.who, 'want', sale.want, 'items',
    cmsgpack.pack(terms))
  local line = sale.line
  if line then
    local own = cmsgpack.pack({ line.mode, line.turn, line.factor, line.most })
    redis.call('HSET', KEYS[9], 'line', own)
  elseif sale.changed then
    redis.call('HDEL', KEYS[9], 'line', 'ln')
  end
end

-- Before the bell a vendor changes the terms, prices among them. Tickets stay, and a line that
-- somebody has joined stays one of its mode and open to all who may have joined it.
local function changeTerms(sale, number, body)
  local to, line, reason = newSale(sale.id, body), sale.line, nil
  if #to.items ~= #sale.items then error('malformed command') end
  for i = 1, #to.items do
    if to.items[i].product ~= sale.items[i].product then error('malformed command') end
  end
  if sale.st ~= SCHEDULED then
    emit(sale, { 'changed', number, 0, 'state', sale.st })
    return
  end
  local mode = to.line and to.line.mode
  if line and line.joined > 0 and (mode ~= line.mode or to.who > sale.who) then
    emit(sale, { 'changed', number, 0, 'joined' })
    return
  end
  sale.start, sale.ends, sale.limit = to.start, to.ends, to.limit
  sale.hold, sale.who = to.hold, to.who
  for i = 1, #to.items do sale.items[i].price = to.items[i].price end
  if line and to.line then
    line.mode, line.turn, line.factor, line.most = mode, to.line.turn, to.line.factor, to.line.most
  else
    sale.line = to.line
  end
  sale.dirty, sale.changed = true, true
  emit(sale, { 'changed', number, 1, '' })
end

-- One of nothing counts: the bell waits for a credit of every item.
local function credit(sale, number, body)
  local it, units = sale.items[body[2] + 1], checkedUnits(body[3], 0)
  if sale.st == CLOSED or sale.st == CLOSING then
    emit(sale, { 'moved', number, 0, 'closed', body[1], 'credit', body[2], units, it.allotted,
      it.last })
    return
  end
  it.allotted = it.allotted + units
  it.last = it.last + units
  sale.got = sale.got + 1
  sale.dirty = true
  emit(sale, { 'moved', number, 1, '', body[1], 'credit', body[2], units, it.allotted, it.last })
end

-- Returned numbers that one command takes away, at most: they are read one by one and all stand in
-- its event. A close is repeated, so it takes few; a debit is all or nothing.
local CLOSE_MOST, DEBIT_MOST = 4096, 32768

-- Takes the highest returned numbers of an item, no more than `most`, for good. Those that this very
-- command gave back (a close ends overdue holds first) are among them. Returns them, highest first.
local function takeReturned(sale, item, most)
  local it, free, numbers = sale.items[item], freeList(sale, item, 0), {}
  if it.returned == 0 or most == 0 then return numbers end
  local low = item * SPAN
  local found = redis.call('ZREVRANGEBYSCORE', KEYS[sale.base + 3], low + SPAN - 1, low, 'LIMIT', 0,
    most)
  local digits = #tostring(item) + 2
  for i = 1, #found do numbers[i] = tonumber(string.sub(found[i], digits)) end
  if next(free.added) then
    for number in pairs(free.added) do numbers[#numbers + 1] = number end
    table.sort(numbers)
    local highest = {}
    for i = #numbers, math.max(1, #numbers - most + 1), -1 do highest[#highest + 1] = numbers[i] end
    numbers = highest
  end
  -- All that were free from there up: the write phase need not name them one by one.
  free.cut = numbers[#numbers]
  for number in pairs(free.added) do
    if number >= free.cut then free.added[number] = nil end
  end
  it.returned = it.returned - #numbers
  return numbers
end

-- Never-issued numbers go first, from the top; then the highest returned ones. A refusal names what
-- one debit could take.
local function debit(sale, number, body)
  local item, units = body[2] + 1, checkedUnits(body[3], 1)
  local it = sale.items[item]
  -- A flash sale gives units back before its bell only: after it, turns may claim them.
  if sale.ends > 0 and sale.st ~= SCHEDULED then
    emit(sale, { 'moved', number, 0, 'begun', body[1], 'debit', body[2], units, it.allotted,
      it.last, 0 })
    return
  end
  local fresh = it.last - it.next + 1
  local most = fresh + math.min(it.returned, DEBIT_MOST)
  if most < units then
    emit(sale, { 'moved', number, 0, 'insufficient', body[1], 'debit', body[2], units, it.allotted,
      it.last, most })
    return
  end
  fresh = math.min(units, fresh)
  it.last = it.last - fresh
  it.allotted = it.allotted - units
  local numbers = takeReturned(sale, item, units - fresh)
  sale.dirty = true
  emit(sale, { 'moved', number, 1, '', body[1], 'debit', body[2], units, it.allotted, it.last,
    available(it), numbers })
end

local function toggle(sale, lane, number, kind, from, to)
  if sale.st ~= from then
    emit(sale, { EVENT[kind], number, 0, 'state', sale.st })
    return
  end
  sale.st = to
  sale.dirty = true
  local line = sale.line
  if not line then
    emit(sale, { EVENT[kind], number, 1, '' })
  elseif to == PAUSED then
    line.pausedAt = lane.holdClock
    emit(sale, { 'paused', number, 1, '', line.pausedAt })
  else
    endPause(sale, lane)
    emit(sale, { 'resumed', number, 1, '', line.paused })
  end
end

-- Numbers of the draw: `from`, `from` + 1, … for the tickets of these indexes, if they still wait; the
-- others' numbers go to nobody. They are given from 1 on without a gap. No record is read or written: a
-- number stands with its shopper among the waiting ones (include/line.lua), and who has left by now has
-- a bit.
local function numbers(sale, number, body)
  local line, from, count = sale.line, body[1], checkedUnits(body[2], 1)
  local indexes, shoppers = checked(body[3], 'table'), checked(body[4], 'table')
  checkedUnits(from, 1)
  if #indexes ~= count or #shoppers ~= count then error('malformed command') end
  local reason = not line and 'no_line' or line.bell < 0 and 'not_rung'
  if not reason and (from ~= line.given + 1 or from + count - 1 > line.bell) then reason = 'gap' end
  if reason then
    emit(sale, refusal('numbers', number, reason, body))
    return
  end
  openPlaces(sale, writePlaces)
  local isGone, given, n = goneOf(sale), {}, 0
  for i = 1, count do
    local index, shopper = checkedUnits(indexes[i], 0), checked(shoppers[i], 'string')
    if index >= line.bell then error('malformed command') end
    if not isGone(index) then
      given[n + 1], given[n + 2] = from + i - 1, shopper
      n = n + 2
    end
  end
  line.given = from + count - 1
  line.numbered = line.given == line.bell and 1 or 0
  sale.given, sale.dirty = given, true
  emit(sale, { 'numbers', number, 1, '', from, count })
end

-- Debits what is free of every item, as much as one command may. Closes the sale only when nothing is
-- held and nothing free is left in the same step; the opener repeats it until then.
local function close(sale, lane, number)
  if sale.st == CLOSED then
    emit(sale, { 'closed', number, 0, 'state', sale.st })
    return
  end
  reap(sale, lane, 256, 0)
  local units, allotted, last, numbers, rest = {}, {}, {}, {}, 0
  local most = CLOSE_MOST
  for i = 1, #sale.items do
    local it = sale.items[i]
    numbers[i] = takeReturned(sale, i, most)
    most = most - #numbers[i]
    units[i] = it.last - it.next + 1 + #numbers[i]
    it.last = it.next - 1
    it.allotted = it.allotted - units[i]
    allotted[i], last[i] = it.allotted, it.last
    rest = rest + it.held + it.returned
  end
  sale.st = rest == 0 and CLOSED or CLOSING
  sale.dirty = true
  endPause(sale, lane)
  emit(sale, { rest == 0 and 'closed' or 'closing', number, 1, '', units, allotted, last, numbers })
end

local function apply(sale, lane, number, kind, body, new)
  if not new then latch(sale, lane) end
  if kind == 'install' then
    emit(sale, { 'installed', number, new and 1 or 0, new and '' or 'exists' })
  elseif kind == 'terms' then
    changeTerms(sale, number, body)
  elseif kind == 'credit' then
    credit(sale, number, body)
  elseif kind == 'debit' then
    debit(sale, number, body)
  elseif kind == 'pause' then
    toggle(sale, lane, number, kind, LIVE, PAUSED)
  elseif kind == 'resume' then
    toggle(sale, lane, number, kind, PAUSED, LIVE)
  elseif kind == 'close' then
    close(sale, lane, number)
  elseif kind == 'numbers' then
    numbers(sale, number, body)
  else
    emit(sale, { kind, number, 0, 'unsupported' })
  end
  latch(sale, lane)
end
