-- Moves due jobs from scheduled and retrying to queued.
-- KEYS[1]: prefix. ARGV[1]: most jobs at once. Returns {how many moved, ms until the next one is due or -1}.
local room = tonumber(ARGV[1])
local moved, wait = 0, -1
for _, queue in ipairs(redis.call('SMEMBERS', K.queues())) do
  for _, state in ipairs({'scheduled', 'retrying'}) do
    local index = K.index(queue, state)
    if room > 0 then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', NOW, 'LIMIT', 0, room)) do
        local job = redis.call('HMGET', K.job(id), 'priority', 'lifo')
        move(id, queue, state, 'queued', place(tonumber(job[1]) or 0, job[2]), {'reason', ''})
        room = room - 1
        moved = moved + 1
      end
    end
    local first = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
    if first[2] then
      local left = math.max(0, tonumber(first[2]) - NOW)
      if wait < 0 or left < wait then wait = left end
    end
  end
end
return {moved, wait}
