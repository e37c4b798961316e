-- Takes, renews or leaves the lead: one recorder at a time writes history.
-- KEYS[1]: prefix. ARGV: who, for how many ms (0: leaves it), most events that wait for the recorder, what troubles it.
-- The hash: leader, until (ms), beat (ms: when one last led), since (ms), bound, trouble; see recorded.lua for the others.
-- Returns {1 when it leads now, cursor, tail cursor, a number when all jobs must be walked over, else 0, and the position
-- after which the lines of their own logs must be read, or ''}.
local key = K.recording()
local now = redis.call('HMGET', key, 'leader', 'until')
local me, lease_ms = ARGV[1], tonumber(ARGV[2])
if lease_ms == 0 then
  if now[1] == me then redis.call('HDEL', key, 'leader', 'until') end
  return {0, '', '', 0, ''}
end
if now[1] and now[1] ~= me and tonumber(now[2]) > NOW then return {0, '', '', 0, ''} end
if redis.call('HSETNX', key, 'cursor', '0-0') == 1 then
  redis.call('HSET', key, 'tail', '0-0', 'through', 0, 'read', 0, 'events', 0, 'walk', 1, 'walk_lines', '0-0')
end
if now[1] ~= me then redis.call('HSET', key, 'since', whole(NOW)) end
redis.call('HSET', key, 'leader', me, 'until', whole(NOW + lease_ms), 'beat', whole(NOW), 'bound', ARGV[3],
  'trouble', ARGV[4])
local read = redis.call('HMGET', key, 'cursor', 'tail', 'walk', 'walk_lines')
return {1, read[1], read[2], tonumber(read[3] or 0), read[4] or ''}
