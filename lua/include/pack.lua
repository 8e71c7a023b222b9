-- Msgpack from ready pieces, for what a batch writes once for each hold: cmsgpack walks a table twice,
-- some 90 ns an element. The bytes are the same as cmsgpack's, to the last.
local pack, char, concat = cmsgpack.pack, string.char, table.concat

-- Value → its bytes. For values that come again and again in a batch.
local PACKED = setmetatable({}, {
  __index = function(known, value)
    local bytes = pack(value)
    if value ~= nil and value == value then known[value] = bytes end
    return bytes
  end,
})

-- Length of a text → what its bytes begin with.
local TEXT = setmetatable({}, {
  __index = function(known, length)
    local head = string.sub(pack(string.rep(' ', length)), 1, -length - 1)
    known[length] = head
    return head
  end,
})

-- What the bytes of an array of so many elements begin with.
local function arrayHead(length)
  if length < 16 then return char(0x90 + length) end
  local low, high = length % 256, math.floor(length / 256)
  if high < 256 then return char(0xdc, high, low) end
  return char(0xdd, math.floor(high / 65536), math.floor(high / 256) % 256, high % 256, low)
end


-- The commands of a batch, an array of arrays. Taken apart by hand: cmsgpack grows each table
-- element by element.
local function unpackCommands(bytes)
  local first, at, count = string.byte(bytes, 1), 1, 0
  if first >= 0x90 and first <= 0x9f then
    count = first - 0x90
  elseif first == 0xdc then
    count, at = string.byte(bytes, 2) * 256 + string.byte(bytes, 3), 3
  else
    return cmsgpack.unpack(bytes)
  end
  local byte, unpackSome, list = string.byte, cmsgpack.unpack_limit, {}
  for i = 1, count do
    local length = byte(bytes, at + 1) - 0x90
    if length >= 1 and length <= 8 then
      local a, b, c, d, e, f, g, h
      at, a, b, c, d, e, f, g, h = unpackSome(bytes, length, at + 1)
      list[i] = { a, b, c, d, e, f, g, h }
    else
      at, list[i] = unpackSome(bytes, 1, at)
    end
  end
  return list
end
