-- Opens a lane for one batch, or says why not. Header: epoch, schema, highest position seen
-- (epoch, sequence; sequence -1 = none), 1 when new holds are refused for lack of memory,
-- most decisions in doubt, most age in doubt (ms). Freezes the lane when the caller has seen a
-- position that this lane never took: Redis has been rolled back.
local function gate(header)
  local m = redis.call('HMGET', KEYS[1], 'epoch', 'schema', 'recovered')
  if not m[1] then return STATUS.no_marker end
  local epoch = tonumber(m[1])
  if tonumber(m[2]) ~= header[2] then return STATUS.schema end
  local frozen = redis.call('GET', KEYS[2])
  if frozen then return STATUS.frozen, epoch, frozen end
  local c = redis.call('HMGET', KEYS[4], 't', 'outage', 'seq', 'decided', 'doubt', 'kept')
  local seq = tonumber(c[3])
  local seenEpoch, seenSeq = header[3], header[4]
  if seenSeq >= 0 and seenEpoch >= tonumber(m[3]) then
    local last
    if seenEpoch == epoch then
      last = seq
    elseif seenEpoch < epoch then
      last = tonumber(redis.call('HGET', KEYS[3], seenEpoch) or -1)
    else
      last = -1
    end
    if seenSeq > last then
      local why = 'rolled_back: seen ' .. seenEpoch .. '-' .. seenSeq .. ', lane has ' .. epoch
        .. '-' .. last
      -- First, because Redis runs this at any memory use, and what follows it too.
      redis.call('ZREM', KEYS[7], '')
      redis.call('SET', KEYS[2], why)
      return STATUS.rolled_back, epoch, why
    end
  end
  if epoch ~= header[1] then return STATUS.epoch, epoch end
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local last = tonumber(c[1])
  if last > now then now = last end
  local outage = tonumber(c[2])
  local decided = tonumber(c[4])
  local settled = tonumber(redis.call('HGET', KEYS[6], 'decided'))
  local inDoubt = decided - settled
  local doubt = tonumber(c[5])
  local bounded = header[5] == 1 or inDoubt >= header[6]
    or (inDoubt > 0 and now - doubt >= header[7])
  return STATUS.ok, {
    epoch = epoch,
    seq = seq,
    now = now,
    outage = outage,
    holdClock = now - outage,
    decided = decided,
    inDoubt = inDoubt,
    doubt = doubt,
    kept = tonumber(c[6] or 0),
    bounded = bounded,
  }
end
