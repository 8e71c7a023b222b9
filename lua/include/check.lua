-- Whether a caller of ours can have made this command. One that it cannot is answered alone, as a
-- fault: it freezes nothing and costs its neighbours nothing. Only what the script counts or looks
-- up with is checked here; the rest is the caller's. `sales` = how many sales have keys.
local type = type

local function wellFormed(c, sales)
  if type(c) ~= 'table' then return false end
  local op, index = c[1], c[2]
  if type(op) ~= 'number' or op < 1 or op > 8 then return false end
  if type(index) ~= 'number' or index < 0 or index >= sales or index % 1 ~= 0 then return false end
  if op > 5 then return op ~= 7 or (type(c[5]) == 'number' and c[5] % 1 == 0) end
  if type(c[3]) ~= 'string' or type(c[4]) ~= 'string' then return false end
  if op ~= 1 and op ~= 4 then return true end
  local number = c[op == 1 and 6 or 5]
  return type(number) == 'number' and number >= 1 and number % 1 == 0
end
