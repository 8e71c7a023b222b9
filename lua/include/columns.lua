-- What most commands of a rush are, holds in a shop and joins in a line, comes in columns: no table,
-- reply or event is made for each first. The plain ones among them, by shoppers who have no record in
-- the sale and with nothing that speaks against them, are taken in a row (include/holds.lua,
-- include/joins.lua).

-- The next `count` values of a msgpack sequence behind `at`, from the second on. The first is where
-- they end, -1 = with the bytes.
local function column(bytes, at, count)
  if count == 0 then return { at } end
  local list = { cmsgpack.unpack_limit(bytes, math.min(count, CHUNK), at) }
  while #list <= count do
    local more = { cmsgpack.unpack_limit(bytes, math.min(count + 1 - #list, CHUNK), list[1]) }
    list[1] = more[1]
    for i = 2, #more do list[#list + 1] = more[i] end
  end
  return list
end

-- A batch as engine/lanes/batch.ts packs it: see lua/shop.lua and lua/line.lua.
local function unpackBatch(shape, bytes)
  local batch = cmsgpack.unpack(shape)
  local count, holds = batch[1], batch[2]
  local slots = column(bytes, 0, count)
  local shoppers = column(bytes, slots[1], holds)
  local keys = column(bytes, shoppers[1], holds)
  return {
    count = count,
    holds = holds,
    kinds = batch[3],
    others = batch[4],
    slots = slots,
    shoppers = shoppers,
    keys = keys,
    -- The shoppers as they came: a name in the deadline index has the same bytes.
    names = holds > 0 and string.sub(bytes, slots[1] + 1, shoppers[1]) or '',
  }
end

-- Reads the records of those in the columns; who has none keeps none here. Returns whether some have
-- orders that stand apart.
local function readHolders(sale, names, count)
  local records, apart = sale.records, false
  for first = 2, count + 1, CHUNK do
    local last = math.min(first + CHUNK - 1, count + 1)
    local found = redis.call('HMGET', KEYS[sale.base + 1], unpack(names, first, last))
    for i = 1, last - first + 1 do
      if found[i] then
        local record = cmsgpack.unpack(found[i])
        records[names[first + i - 1]] = record
        apart = apart or record[4] > 0
      end
    end
  end
  return apart
end
