-- Whether a caller of ours can have made this command. One that it cannot is answered alone, as a
-- fault: it freezes nothing and costs its neighbours nothing. Only what the script counts or looks
-- up with is checked here; the rest is the caller's. `sales` = how many sales have keys. A comparison
-- with a value of another type raises an error, which says as much and costs a tenth of asking `type`.
local function wellFormed(c, sales)
  local op, index = c[1], c[2]
  if op < 1 or op > 8 or index < 0 or index >= sales or index % 1 ~= 0 then return false end
  if op > 5 then return op ~= 7 or c[5] <= math.huge and c[5] % 1 == 0 end
  if c[3] < '' or c[4] < '' then return false end
  if op ~= 1 and op ~= 4 then return true end
  local number = c[op == 1 and 6 or 5]
  return number >= 1 and number % 1 == 0
end

-- Several commands of one kind and shopper that are done together: op 9, and no sale of its own.
local function wellFormedAll(c, sales)
  local first = c[3][1]
  for i = 1, #c[3] do
    local one = c[3][i]
    if not wellFormed(one, sales) or one[1] ~= first[1] or one[3] ~= first[3] then return false end
  end
  return c[2] == -1 and first[1] <= 5 and first[1] ~= 4
end

-- Calls `take(command)` for each that is well-formed. Returns the replies to those that are not, by
-- their places in the batch.
local function takeWellFormed(commands, sales, take)
  local malformed, at, count = {}, 0, #commands
  local function takeOn()
    while at < count do
      at = at + 1
      local c = commands[at]
      if not wellFormed(c, sales) and not (c[1] == 9 and wellFormedAll(c, sales)) then
        error('malformed command')
      end
      take(c)
    end
  end
  repeat
    local ok = pcall(takeOn)
    if not ok then malformed[at] = refuse(CODE.fault, 'malformed command') end
  until ok
  return malformed
end
