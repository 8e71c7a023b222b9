-- Unit numbers of one item. A returned number goes out before a new one, lowest first.
-- Returned numbers sit in the sorted set at score item * SPAN + number. The working copy is made on
-- first need: `list`, as many of them as this batch can take (`want`), ascending from `head` on, and
-- `back`, a heap of those that this batch itself gave back.
local function freeList(sale, item, want)
  local free = sale.free[item]
  if free then return free end
  free = { list = {}, head = 1, back = {}, added = {}, removed = {} }
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

local function push(heap, number)
  local at = #heap + 1
  while at > 1 do
    local above = math.floor(at / 2)
    if heap[above] < number then break end
    heap[at] = heap[above]
    at = above
  end
  heap[at] = number
end

local function popLowest(heap)
  local size = #heap
  local lowest, last, at = heap[1], heap[size], 1
  heap[size] = nil
  size = size - 1
  while at * 2 <= size do
    local below = at * 2
    if below < size and heap[below + 1] < heap[below] then below = below + 1 end
    if last < heap[below] then break end
    heap[at] = heap[below]
    at = below
  end
  if size > 0 then heap[at] = last end
  return lowest
end

-- The lowest free number: of the list, or of those given back.
local function nextReturned(free)
  local number, back = free.list[free.head], free.back[1]
  if back and (not number or back < number) then return popLowest(free.back) end
  free.head = free.head + 1
  return number
end

-- Takes `quantity` numbers; the caller has checked that they are there.
local function takeUnits(sale, item, quantity, want)
  local it = sale.items[item]
  local units = {}
  while quantity > 0 and it.returned > 0 do
    local free = freeList(sale, item, want)
    local number = nextReturned(free)
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
  push(free.back, number)
  if free.removed[number] then
    free.removed[number] = nil
  else
    free.added[number] = true
  end
  it.returned = it.returned + 1
end
