-- needs: forget
-- Forgets finished jobs that are too old or too many, with their logs and results, a batch at a time; and events.
-- KEYS[1]: prefix. ARGV[1]: msgpack {room, keep = {state = {age_ms, count}}}; a queue's own limits go before that.
-- While history is recorded (recorded.lua), a job is forgotten only when its end has been, and its events wait for that;
-- but no more than the recorder's bound of them: then the oldest go, jobs that ended before those that are left may be
-- forgotten, and both are counted. Without a recorder, or when none came for a day, the last EVENTS_UNREAD are kept.
-- Returns how many were forgotten.
local EVENTS_UNREAD, ABANDONED_MS = 100000, 86400000

local function trim_events(most)
  if redis.call('XLEN', K.events()) <= most then return 0 end
  return redis.call('XTRIM', K.events(), 'MAXLEN', most)
end

local recording = redis.call('HMGET', K.recording(), 'beat', 'through', 'bound', 'read')
local recorded, forgettable = math.huge, math.huge -- what ended before is in history; what ended before may be forgotten
if recording[1] and NOW - recording[1] < ABANDONED_MS then
  local trimmed = trim_events(tonumber(recording[3]))
  if trimmed > 0 then
    redis.call('HSET', K.recording(), 'read', math.max(0, recording[4] - trimmed))
    if trimmed > tonumber(recording[4]) then
      redis.call('HINCRBY', K.recording(), 'dropped_events', trimmed - recording[4])
      redis.call('HINCRBY', K.recording(), 'walk', 1) -- what the broker still knows is recorded all the same
    end
  end
  recorded = tonumber(recording[2])
  forgettable = recorded
  local first = redis.call('XRANGE', K.events(), '-', '+', 'COUNT', 1)[1]
  if first then forgettable = math.max(recorded, tonumber(string.match(first[1], '^%d+')) - 1000) end
else
  trim_events(EVENTS_UNREAD)
end

local request = cmsgpack.unpack(ARGV[1])
local gone, unrecorded = 0, 0

local function drop(queue, state, ids)
  if forgettable > recorded then
    for _, id in ipairs(ids) do
      if tonumber(redis.call('ZSCORE', K.index(queue, state), id)) > recorded then unrecorded = unrecorded + 1 end
    end
  end
  gone = gone + forget(queue, state, ids)
end

for _, queue in ipairs(redis.call('SMEMBERS', K.queues())) do
  local gate = gate_of(queue)
  local own = gate and gate.keep or {}
  for state, general in pairs(request.keep) do
    local keep = own[state] or general
    local index = K.index(queue, state)
    local function oldest(until_ms, most)
      if most <= 0 then return {} end
      return redis.call('ZRANGEBYSCORE', index, '-inf', math.min(until_ms, forgettable), 'LIMIT', 0, most)
    end
    drop(queue, state, oldest(NOW - keep[1], request.room - gone))
    drop(queue, state, oldest(math.huge, math.min(redis.call('ZCARD', index) - keep[2], request.room - gone)))
  end
end
if unrecorded > 0 then redis.call('HINCRBY', K.recording(), 'dropped_jobs', unrecorded) end
return gone
