-- What was read is in history, committed: the cursor moves on, never back, and events that were read go, but for the last
-- READ_KEPT. Only the leader may say so: see lead.lua.
-- KEYS[1]: prefix. ARGV: who, stream ('events', 'tail' or 'walk'), id of the last one recorded, how many, and of events
-- the ms until which history has all (see record.lua). 'walk' says that all jobs were walked over since the walk of this
-- number was asked for.
-- The hash: cursor, tail: ids of the last event and log line that are in history. through: ms; what happened before is.
-- read: how many events are left that were read. events: how many were recorded. walk: a number, while all
-- jobs must be looked at, with walk_lines: and their own logs read, after that position. dropped_events, dropped_jobs: what went unrecorded (retain.lua).
-- Returns 1, or 0 when another one leads.
local READ_KEPT = 10000
local key = K.recording()
local now = redis.call('HMGET', key, 'leader', ARGV[2] == 'tail' and 'tail' or 'cursor', 'read', 'through')
if now[1] ~= ARGV[1] then return 0 end
if ARGV[2] == 'walk' then
  if redis.call('HGET', key, 'walk') == ARGV[4] then redis.call('HDEL', key, 'walk', 'walk_lines') end
  return 1
end

local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local ms, seq = parts(ARGV[3])
local old_ms, old_seq = parts(now[2])
local ahead = ms > old_ms or ms == old_ms and seq > old_seq
if ARGV[2] == 'tail' then
  if ahead then redis.call('HSET', key, 'tail', ARGV[3]) end
  return 1
end
redis.call('HSET', key, 'through', whole(math.max(tonumber(now[4]), tonumber(ARGV[5]))), 'beat', whole(NOW))
if not ahead then return 1 end
redis.call('HINCRBY', key, 'events', ARGV[4])
local read = tonumber(now[3]) + ARGV[4]
if read > READ_KEPT + 1000 then
  redis.call('XTRIM', K.events(), 'MAXLEN', math.max(0, redis.call('XLEN', K.events()) - read + READ_KEPT))
  read = READ_KEPT
end
redis.call('HSET', key, 'cursor', ARGV[3], 'read', whole(read))
return 1
