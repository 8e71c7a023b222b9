-- Decides a batch, command by command, on each one's working copy of its sale. `sales` by the index
-- in a command: a working copy, or false = there is no such sale; `malformed` = replies to commands
-- that nobody of ours can have made; `decideOne(sale, lane, command, want)` answers one, `refuse`
-- (include/decide.lua, include/line.lua) what needs no decision. Returns the replies, one for each.
local function answerAll(commands, malformed, sales, lane, decideOne, want)
  local replies, at, count = {}, 0, #commands
  -- One pcall for all that goes well: after an error it goes on with the next command.
  local function answerOn()
    while at < count do
      at = at + 1
      local c, wrong = commands[at], malformed[at]
      local sale = not wrong and sales[c[2]]
      if not sale then
        replies[at] = wrong or refuse(CODE.not_found)
      elseif sale.frozen or sale.fault then
        replies[at] = refuse(CODE.sale_frozen)
      else
        replies[at] = decideOne(sale, lane, c, want)
      end
    end
  end
  repeat
    local ok, fault = pcall(answerOn)
    if not ok then sales[commands[at][2]].fault = faultText(fault) end
  until ok
  -- A fault takes the whole sale's part of the batch back: nothing of it is written.
  for index, sale in pairs(sales) do
    if sale and sale.fault then
      for i = 1, count do
        if not malformed[i] and commands[i][2] == index then
          replies[i] = refuse(CODE.fault, sale.fault)
        end
      end
    end
  end
  return replies
end
