-- The commands of a batch that are no plain holds: what they need is read, and each is decided alone.

-- Marks the sales that they are in. Returns the shoppers that they ask for, by sale; the units that
-- they want; the replies to those that are malformed; and whether some are done together.
local function takeOthers(others, sales, used)
  local lists, want, grouped = {}, 0, false
  local function take(c)
    local op, index = c[1], c[2]
    if op == 9 then
      grouped = true
      for i = 1, #c[3] do take(c[3][i]) end
      return
    end
    used[index] = true
    if op > 5 then return end
    local list = lists[index] or {}
    lists[index] = list
    list[#list + 1] = c[3]
    if op == 1 then want = want + c[6] end
  end
  local malformed = takeWellFormed(others, sales, take)
  return lists, want, malformed, grouped
end

local function readOthers(sale, index, shoppers, others, malformed)
  readAll(sale, index, shoppers, withLines(others, malformed), malformed)
end

-- Reads the orders of those who hold that are not in their shoppers' records.
local function readApart(sale, batch)
  local fields, hold = {}, 0
  for i = 1, batch.count do
    local kind = batch.kinds[batch.slots[i + 1]]
    if kind then
      hold = hold + 1
      local shopper, key = batch.shoppers[hold + 1], batch.keys[hold + 1]
      local record = kind.copy == sale and sale.records[shopper]
      if record and record[4] > 0 and not inHead(record, key) then
        fields[#fields + 1] = shopper .. '|' .. key
      end
    end
  end
  if #fields > 0 then readSpilled(sale, fields) end
end

-- A hold that is not plain. A refusal that says nothing of its shopper is said to all who come with
-- the same and have no record either, until something else changes the sale.
local function decideOther(sale, lane, kind, shopper, key, want)
  local none = sale.records[shopper] == nil
  if none then sale.records[shopper] = EMPTY end
  sale.stage = sale.stage + 1
  local c = { 1, kind[1], shopper, key, kind[2], kind[3], kind[4], kind[5] }
  local reply, code = decide(sale, lane, c, want)
  if none and code < 0 and sale.records[shopper] == EMPTY then
    sale.records[shopper] = nil
    if code ~= CODE.sold_out or sale.drained or sale.looked >= LOOKS_MOST then
      kind.stage, kind.item, kind.refusal, kind.code = sale.stage, nil, reply, code
    end
  end
  return reply
end
