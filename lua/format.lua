-- Makes an empty lane. Never touches one that has a marker.
-- KEYS    marker, clock, watermark, last command, verified run, outbox
-- ARGV    lane, lanes, epoch, schema, run id of this server, deployment
-- Returns { made (1 | 0), lane, lanes, epoch, schema } as strings
-- Cost    constant
if redis.call('EXISTS', KEYS[1]) == 1 then
  local m = redis.call('HMGET', KEYS[1], 'lane', 'lanes', 'epoch', 'schema')
  return { '0', m[1], m[2], m[3], m[4] }
end
if redis.call('EXISTS', KEYS[6]) == 1 then
  return redis.error_reply('ERR the lane has an outbox but no marker: recover it')
end
redis.call('HSET', KEYS[1], 'lane', ARGV[1], 'lanes', ARGV[2], 'epoch', ARGV[3], 'schema', ARGV[4],
  'recovered', 0, 'deployment', ARGV[6])
redis.call('HSET', KEYS[2], 't', 0, 'outage', 0, 'seq', -1, 'decided', 0, 'doubt', 0)
redis.call('HSET', KEYS[3], 'epoch', ARGV[3], 'seq', -1, 'decided', 0)
redis.call('SET', KEYS[4], 0)
redis.call('SET', KEYS[5], ARGV[5])
return { '1', ARGV[1], ARGV[2], ARGV[3], ARGV[4] }
