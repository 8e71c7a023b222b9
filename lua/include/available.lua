-- Units that are free: of an item, and of a sale.
local function available(it)
  return it.last - it.next + 1 + it.returned
end

local function allAvailable(sale)
  local units = 0
  for i = 1, #sale.items do units = units + available(sale.items[i]) end
  return units
end
