-- Whether a caller of ours can have made this command of the line, as include/check.lua does for the
-- shop's. `sales` = how many sales have keys.
local type = type

-- Shoppers that one command may have seen.
local SEEN_MOST = 1000

local function areNames(list)
  if type(list) ~= 'table' or #list > SEEN_MOST then return false end
  for i = 1, #list do
    if type(list[i]) ~= 'string' then return false end
  end
  return true
end

local function wellFormed(c, sales)
  if type(c) ~= 'table' then return false end
  local op, index = c[1], c[2]
  if type(op) ~= 'number' or op < 1 or op > 7 or op % 1 ~= 0 then return false end
  if type(index) ~= 'number' or index < 0 or index >= sales or index % 1 ~= 0 then return false end
  if op <= 3 then return type(c[3]) == 'string' and (op == 3 or type(c[4]) == 'string') end
  if op == 4 then return areNames(c[3]) end
  return op == 7 or (type(c[3]) == 'number' and c[3] % 1 == 0)
end
