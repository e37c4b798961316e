-- needs: forget
-- Forgets finished jobs that are too old or too many, with their logs and results, a batch at a time.
-- KEYS[1]: prefix. ARGV[1]: msgpack {room, keep = {state = {age_ms, count}}}; a queue's own limits go before that.
-- Returns how many were forgotten.
local request = cmsgpack.unpack(ARGV[1])
local gone = 0
for _, queue in ipairs(redis.call('SMEMBERS', K.queues())) do
  local gate = gate_of(queue)
  local own = gate and gate.keep or {}
  for state, general in pairs(request.keep) do
    local keep = own[state] or general
    local index = K.index(queue, state)
    local room = request.room - gone
    if room > 0 then
      gone = gone + forget(queue, state, redis.call('ZRANGEBYSCORE', index, '-inf', NOW - keep[1], 'LIMIT', 0, room))
    end
    local over = math.min(redis.call('ZCARD', index) - keep[2], request.room - gone)
    if over > 0 then gone = gone + forget(queue, state, redis.call('ZRANGE', index, 0, over - 1)) end
  end
end
return gone
