-- needs: forget
-- Forgets jobs that wait, a batch at a time: an application throws its queue away.
-- KEYS[1]: prefix. ARGV[1]: msgpack {room, states}. Returns how many were forgotten.
local request = cmsgpack.unpack(ARGV[1])
local gone = 0
for _, state in ipairs(request.states) do
  for _, queue in ipairs(redis.call('SMEMBERS', K.queues())) do
    local room = request.room - gone
    if room > 0 then
      gone = gone + forget(queue, state, redis.call('ZRANGE', K.index(queue, state), 0, room - 1))
    end
  end
end
return gone
