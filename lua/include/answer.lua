-- Decides a batch, command by command, each under pcall on its sale's working copy. `sales` by the
-- index in a command: a working copy, or false = there is no such sale; `malformed` = replies to
-- commands that nobody of ours can have made; `decideOne(sale, lane, command, want)` answers one.
-- Returns the replies, one for each command.
local function answerAll(commands, malformed, sales, lane, decideOne, want)
  local replies = {}
  for i = 1, #commands do
    local c = commands[i]
    local sale = not malformed[i] and sales[c[2]]
    if not sale then
      replies[i] = malformed[i] or { CODE.not_found }
    elseif sale.frozen or sale.fault then
      replies[i] = { CODE.sale_frozen }
    else
      local ok, reply = pcall(decideOne, sale, lane, c, want)
      if ok then
        replies[i] = reply
      else
        sale.fault = faultText(reply)
      end
    end
  end
  -- A fault takes the whole sale's part of the batch back: nothing of it is written.
  for i = 1, #commands do
    local sale = not malformed[i] and sales[commands[i][2]]
    if sale and sale.fault then replies[i] = { CODE.fault, sale.fault } end
  end
  return replies
end
