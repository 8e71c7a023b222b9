-- The commands of a line's batch that are no plain joins.

-- The shoppers that the other commands ask for, by sale, and the replies to those that are malformed.
local function takeOthers(others, sales, used)
  local lists, malformed = {}, {}
  for i = 1, #others do
    local c = others[i]
    if wellFormed(c, sales) then
      local index = c[2]
      used[index] = true
      local list = lists[index] or {}
      lists[index] = list
      if c[1] <= 3 then list[#list + 1] = c[3] end
    else
      malformed[i] = { CODE.fault, 'malformed command' }
    end
  end
  return lists, malformed
end

local function readOthers(sale, _, shoppers)
  readRecords(sale, shoppers)
end

-- A join that is not plain.
local function joinOne(sale, lane, kind, shopper, key)
  if sale.records[shopper] == nil then sale.records[shopper] = EMPTY end
  sale.stage = sale.stage + 1
  return decide(sale, lane, { 1, kind[1], shopper, key, kind[2] })
end
