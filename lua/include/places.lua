-- The places of a line beside its tickets: sorted sets of shoppers that only the line's own scripts
-- change. Their keys follow the sale's four: waiting (number), turns (end of the turn, turn clock),
-- present (lane time last seen: a hint, lost with its server), parked (number); and a string, gone: a
-- bit for each index whose ticket was left before it had a number, there until all are given. What a
-- batch changes is gathered, and written by `flush`.
local WAIT, TURN, SEEN, PARK, GONE = 4, 5, 6, 7, 8

-- Gives a sale its working copy. Raises an error where a key holds something else.
local function openPlaces(sale, write)
  sale.places = {}
  for set = WAIT, PARK do
    sale.places[set] = {}
    local size = redis.call('ZCARD', KEYS[sale.base + set])
    if set == PARK then sale.parked = size end
  end
  sale.goneBytes = redis.call('STRLEN', KEYS[sale.base + GONE])
  sale.writePlaces = write
end

-- Puts a shopper into a set; `score` false = takes them out.
local function place(sale, set, shopper, score)
  sale.places[set][shopper] = score
end

local function placed(sale, set, shopper)
  local score = sale.places[set][shopper]
  if score == nil then score = redis.call('ZSCORE', KEYS[sale.base + set], shopper) end
  return score or nil
end

local function isLower(a, b)
  if a[2] ~= b[2] then return a[2] < b[2] end
  return a[1] < b[1]
end

-- The lowest members of a set, up to a score, about `most` of them: { shopper, score } ascending.
local function lowest(sale, set, most, upTo)
  local changed, gone, list = sale.places[set], 0, {}
  for shopper, score in pairs(changed) do
    gone = gone + 1
    if score and score <= upTo then list[#list + 1] = { shopper, score } end
  end
  local found = redis.call('ZRANGEBYSCORE', KEYS[sale.base + set], '-inf', upTo, 'WITHSCORES',
    'LIMIT', 0, most + gone)
  for i = 1, #found, 2 do
    if changed[found[i]] == nil then list[#list + 1] = { found[i], tonumber(found[i + 1]) } end
  end
  table.sort(list, isLower)
  for i = #list, most + 1, -1 do list[i] = nil end
  return list
end

-- Answers whether the ticket of an index was left before it had a number.
local function goneOf(sale)
  if sale.goneBytes == 0 then return function() return false end end
  local bits, byte, floor = redis.call('GET', KEYS[sale.base + GONE]), string.byte, math.floor
  return function(index)
    local eight = byte(bits, floor(index / 8) + 1)
    return eight ~= nil and floor(eight / 2 ^ (7 - index % 8)) % 2 == 1
  end
end

local function writePlaces(sale)
  for set, changed in pairs(sale.places) do
    local key, gone, there, last, text = KEYS[sale.base + set], {}, {}, nil, nil
    for shopper, score in pairs(changed) do
      if score then
        -- Who is seen is seen now; a number takes Redis longer to write out than the rest of it.
        if score ~= last then last, text = score, string.format('%.0f', score) end
        there[#there + 1] = text
        there[#there + 1] = shopper
      else
        gone[#gone + 1] = shopper
      end
    end
    -- Nobody waits for the disk to be seen.
    if set == SEEN then redis.set_repl(redis.REPL_NONE) end
    inChunks('ZREM', key, gone)
    inChunks('ZADD', key, there)
    redis.set_repl(redis.REPL_ALL)
  end
  if sale.given then inChunks('ZADD', KEYS[sale.base + WAIT], sale.given) end
  for i = 1, sale.gone and #sale.gone or 0 do
    redis.call('SETBIT', KEYS[sale.base + GONE], sale.gone[i], 1)
  end
  if sale.goneBytes > 0 and sale.line and sale.line.numbered == 1 then
    redis.call('UNLINK', KEYS[sale.base + GONE])
  end
end
