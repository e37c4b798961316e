-- Forgets finished jobs that are too old or too many, with their logs and results, a batch at a time.
-- KEYS[1]: prefix. ARGV[1]: msgpack {room, keep = {state = {age_ms, count}}}. Returns how many were forgotten.
local request = cmsgpack.unpack(ARGV[1])
local room = request.room
local gone = 0
local function forget(queue, state, ids)
  for _, id in ipairs(ids) do
    local chord = redis.call('HGET', key_job(id), 'chord')
    if chord then redis.call('DEL', key_chord(chord)) end
    redis.call('DEL', key_job(id), key_log(id))
    redis.call('HDEL', key_data(), id)
    redis.call('ZREM', key_index(queue, state), id)
    room = room - 1
    gone = gone + 1
  end
end
for _, queue in ipairs(redis.call('SMEMBERS', key_queues())) do
  for state, keep in pairs(request.keep) do
    local index = key_index(queue, state)
    if room > 0 then
      forget(queue, state, redis.call('ZRANGEBYSCORE', index, '-inf', NOW - keep[1], 'LIMIT', 0, room))
    end
    local over = redis.call('ZCARD', index) - keep[2]
    if room > 0 and over > 0 then
      forget(queue, state, redis.call('ZRANGE', index, 0, math.min(over, room) - 1))
    end
  end
end
return gone
