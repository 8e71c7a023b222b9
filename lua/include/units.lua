-- Unit numbers of one item. A returned number goes out before a new one, lowest first.
-- Returned numbers sit in the sorted set at score item * SPAN + number; the working list is
-- loaded on first need, as many as this batch can take (`want`), and kept sorted.
local SPAN = 100000000

local function freeList(sale, item, want)
  local free = sale.free[item]
  if free then return free end
  free = { list = {}, head = 1, added = {}, removed = {} }
  if sale.items[item].returned > 0 then
    local low = item * SPAN
    local found = redis.call('ZRANGEBYSCORE', KEYS[sale.base + 3], low, low + SPAN - 1, 'LIMIT', 0,
      want)
    for i = 1, #found do
      free.list[i] = tonumber(string.match(found[i], ':(%d+)$'))
    end
  end
  sale.free[item] = free
  return free
end

local function available(it)
  return it.last - it.next + 1 + it.returned
end

-- Takes `quantity` numbers; the caller has checked that they are there.
local function takeUnits(sale, item, quantity, want)
  local it = sale.items[item]
  local units = {}
  while quantity > 0 and it.returned > 0 do
    local free = freeList(sale, item, want)
    local number = free.list[free.head]
    free.head = free.head + 1
    if free.added[number] then
      free.added[number] = nil
    else
      free.removed[number] = true
    end
    it.returned = it.returned - 1
    units[#units + 1] = number
    quantity = quantity - 1
  end
  for _ = 1, quantity do
    units[#units + 1] = it.next
    it.next = it.next + 1
  end
  return units
end

local function giveBack(sale, item, number, want)
  local it = sale.items[item]
  local free = freeList(sale, item, want)
  local list = free.list
  local at = #list + 1
  while at > free.head and list[at - 1] > number do
    at = at - 1
  end
  table.insert(list, at, number)
  if free.removed[number] then
    free.removed[number] = nil
  else
    free.added[number] = true
  end
  it.returned = it.returned + 1
end
