-- What a lane command does to the working copy of its sale. Every branch emits exactly one event
-- with the command's number; a refusal changes nothing.
local EVENT = {
  install = 'installed', credit = 'moved', debit = 'moved', pause = 'paused',
  resume = 'resumed', close = 'closed',
}

-- The event of a command that its sale could not even look at. The body may be anything.
local function refusal(kind, number, reason, body)
  if kind == 'credit' or kind == 'debit' then
    if type(body) ~= 'table' then body = {} end
    return { 'moved', number, 0, reason, body[1] or '', kind, body[2] or 0, body[3] or 0 }
  end
  return { EVENT[kind] or tostring(kind), number, 0, reason }
end

local function checked(value, kind)
  if type(value) ~= kind then error('malformed command') end
  return value
end

local function checkedUnits(units)
  if checked(units, 'number') < 1 or units % 1 ~= 0 then error('malformed command') end
  return units
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
    hold = body[5], who = body[6], want = body[7], got = 0, items = items, expired = 0,
    released = 0, dirty = true, records = {}, touched = {}, spilled = {},
    fieldOf = {}, touchedOrders = {}, events = {}, due = {}, refused = {},
    attempts = 0, free = {}, drained = false, looked = 0, dueRemoved = {},
  }
end

-- The terms, written once; what changes is written by `writeCounts`.
local function install(sale)
  local terms = {}
  for i = 1, #sale.items do terms[i] = { sale.items[i].product, sale.items[i].price } end
  redis.call('HSET', KEYS[9], 'id', sale.id, 'start', sale.start, 'end', sale.ends, 'limit',
    sale.limit, 'hold', sale.hold, 'who', sale.who, 'want', sale.want, 'items',
    cmsgpack.pack(terms))
end

local function credit(sale, number, body)
  local it, units = sale.items[body[2] + 1], checkedUnits(body[3])
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

-- Never-issued numbers go first, from the top; then the highest returned ones.
local function debit(sale, number, body)
  local item, units = body[2] + 1, checkedUnits(body[3])
  local it = sale.items[item]
  if available(it) < units then
    emit(sale, { 'moved', number, 0, 'insufficient', body[1], 'debit', body[2], units, it.allotted,
      it.last, available(it) })
    return
  end
  local fresh = math.min(units, it.last - it.next + 1)
  it.last = it.last - fresh
  it.allotted = it.allotted - units
  local rest, numbers = units - fresh, {}
  if rest > 0 then
    local free = freeList(sale, item, 0)
    local low = item * SPAN
    local found = redis.call('ZREVRANGEBYSCORE', KEYS[sale.base + 3], low + SPAN - 1, low, 'LIMIT',
      0, rest)
    for i = 1, #found do
      numbers[i] = tonumber(string.match(found[i], ':(%d+)$'))
      free.removed[numbers[i]] = true
    end
    it.returned = it.returned - rest
  end
  sale.dirty = true
  emit(sale, { 'moved', number, 1, '', body[1], 'debit', body[2], units, it.allotted, it.last,
    available(it), numbers })
end

local function toggle(sale, number, kind, from, to)
  if sale.st ~= from then
    emit(sale, { EVENT[kind], number, 0, 'state', sale.st })
    return
  end
  sale.st = to
  sale.dirty = true
  emit(sale, { EVENT[kind], number, 1, '' })
end

-- Returned numbers of an item, those of this batch too: an event names what a close takes away.
local function allReturned(sale, item)
  local numbers = {}
  local free = sale.free[item] or { added = {}, removed = {} }
  local low = item * SPAN
  local found = redis.call('ZRANGEBYSCORE', KEYS[sale.base + 3], low, low + SPAN - 1)
  for i = 1, #found do
    local number = tonumber(string.match(found[i], ':(%d+)$'))
    if not free.removed[number] then numbers[#numbers + 1] = number end
  end
  for number in pairs(free.added) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  return numbers
end

-- Debits what is free of every item; closes the sale only when nothing is held in the same step.
local function close(sale, lane, number)
  if sale.st == CLOSED then
    emit(sale, { 'closed', number, 0, 'state', sale.st })
    return
  end
  reap(sale, lane, 256, 0)
  local units, allotted, last, numbers, held = {}, {}, {}, {}, 0
  for i = 1, #sale.items do
    local it = sale.items[i]
    units[i] = available(it)
    numbers[i] = allReturned(sale, i)
    it.last = it.next - 1
    it.returned = 0
    it.allotted = it.allotted - units[i]
    allotted[i], last[i] = it.allotted, it.last
    held = held + it.held
  end
  sale.free = {}
  sale.emptied = true
  sale.st = held == 0 and CLOSED or CLOSING
  sale.dirty = true
  emit(sale, { held == 0 and 'closed' or 'closing', number, 1, '', units, allotted, last,
    numbers })
end

local function apply(sale, lane, number, kind, body, new)
  if not new then latch(sale, lane) end
  if kind == 'install' then
    emit(sale, { 'installed', number, new and 1 or 0, new and '' or 'exists' })
  elseif kind == 'credit' then
    credit(sale, number, body)
  elseif kind == 'debit' then
    debit(sale, number, body)
  elseif kind == 'pause' then
    toggle(sale, number, kind, LIVE, PAUSED)
  elseif kind == 'resume' then
    toggle(sale, number, kind, PAUSED, LIVE)
  elseif kind == 'close' then
    close(sale, lane, number)
  else
    emit(sale, { kind, number, 0, 'unsupported' })
  end
  latch(sale, lane)
end
