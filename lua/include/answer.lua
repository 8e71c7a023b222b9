-- Opens the sales of a batch and decides it, command by command, on each one's working copy of its
-- sale. The script says before, for its own commands: `batch` and `lane`; `WIDTH`, how many keys a sale
-- has, and `open(base)`; `saleCount`; `look(kind, sale, lane)` and `takePlain(batch, lane, kind, sale,
-- at, hold, replies)`; and what `ask()` gives: `refuse(code, …)`, `read`, `readApart`, `decide(sale,
-- lane, command, want)` for the others, `decideOne(sale, lane, kind, shopper, key, want)` for one that
-- is not plain.

-- Working copies of the batch's sales, with what its commands need of them. `faults` = those that must
-- stay out of it, and why.
local function openAll(used, faults, lists, malformed)
  local sales, order, first, one = {}, {}, batch.kinds[1], true
  for index = 0, saleCount - 1 do
    if used[index] then
      local base = 9 + index * WIDTH
      local ok, sale = not faults[index], faults[index]
      if ok then ok, sale = pcall(open, base) end
      if not ok then sale = { base = base, fault = faultText(sale), stage = 0 } end
      sales[index] = sale or false
      order[#order + 1] = index
    end
  end
  for number, kind in ipairs(batch.kinds) do
    kind.number, kind.copy, kind.stage = number, sales[kind[1]], nil
    one = one and kind[1] == first[1]
  end
  local function read(sale, index)
    local names, count = batch.shoppers, first and index == first[1] and batch.holds or 0
    if not one then
      names = { 0 }
      local hold = 0
      for i = 1, batch.count do
        local kind = batch.kinds[batch.slots[i + 1]]
        if kind then
          hold = hold + 1
          if kind.copy == sale then names[#names + 1] = batch.shoppers[hold + 1] end
        end
      end
      count = #names - 1
    end
    if readHolders(sale, names, count) then ask().readApart(sale, batch) end
    if lists[index] then ask().read(sale, index, lists[index], batch.others, malformed) end
  end
  for _, index in ipairs(order) do
    local sale = sales[index]
    if sale and not sale.fault and not sale.frozen then
      local ok, fault = pcall(read, sale, index)
      if not ok then sale.fault = faultText(fault) end
    end
  end
  return sales, order
end

-- Decides the batch, command by command. Returns the replies, one for each.
local function answerAll(sales, malformed, want)
  local slots, kinds, others = batch.slots, batch.kinds, batch.others
  local replies, at, hold, other, busy = {}, 0, 0, 0, nil
  local function answerOne(kind)
    local sale = kind.copy
    local may = sale and not sale.frozen and not sale.fault
    busy = sale
    if may and kind.stage ~= sale.stage then look(kind, sale, lane) end
    local taken = may and kind.item and takePlain(batch, lane, kind, sale, at, hold, replies) or 0
    at, hold = at + math.max(taken, 1), hold + math.max(taken, 1)
    if taken > 0 then return end
    local shopper = batch.shoppers[hold + 1]
    if not may then
      replies[at] = ask().refuse(sale and CODE.sale_frozen or CODE.not_found)
    elseif kind.refusal and kind.stage == sale.stage and sale.records[shopper] == nil then
      replies[at] = kind.refusal
      sale.attempts, sale.refused[kind.code] = sale.attempts + 1, sale.refused[kind.code] + 1
    else
      replies[at] = ask().decideOne(sale, lane, kind, shopper, batch.keys[hold + 1], want)
    end
  end
  local function answerOther()
    at, other = at + 1, other + 1
    local c, wrong = others[other], malformed[other]
    local sale = not wrong and sales[c[2]]
    busy = sale
    if not sale then
      replies[at] = wrong or ask().refuse(CODE.not_found)
    elseif sale.frozen or sale.fault then
      replies[at] = ask().refuse(CODE.sale_frozen)
    else
      for _, one in pairs(sales) do
        if one then one.stage = one.stage + 1 end
      end
      replies[at] = ask().decide(sale, lane, c, want)
    end
  end
  -- One pcall for all that goes well: after an error it goes on with the next command.
  local function answerOn()
    while at < batch.count do
      local kind = kinds[slots[at + 2]]
      if kind then answerOne(kind) else answerOther() end
    end
  end
  repeat
    local ok, fault = pcall(answerOn)
    if not ok then busy.fault = faultText(fault) end
  until ok
  -- A fault takes the whole sale's part of the batch back: nothing of it is written.
  other = 0
  for i = 1, batch.count do
    local kind, sale = kinds[slots[i + 1]], nil
    if kind then
      sale = kind.copy
    else
      other = other + 1
      sale = not malformed[other] and sales[others[other][2]]
    end
    if sale and sale.fault then replies[i] = ask().refuse(CODE.fault, sale.fault) end
  end
  return replies
end
