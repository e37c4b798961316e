-- Moves due jobs from scheduled and retrying to queued.
-- KEYS[1]: prefix. ARGV[1]: most jobs at once. Returns {how many moved, ms until the next one is due or -1}.
-- The queues share what may be moved at once, so that one with very many due jobs does not keep the others waiting;
-- what some of them leave goes to the rest, from a queue on that is another one each time.
local MOST = 100 -- several consumers promote at the same time, and their steps stand in one line
local room = math.min(MOST, tonumber(ARGV[1]))
local queues = redis.call('SMEMBERS', K.queues())
local turn = tonumber(redis.call('TIME')[2])
local moved, wait, hungry = 0, -1, {}

local function promote(queue, state, most)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', K.index(queue, state), '-inf', NOW, 'LIMIT', 0, most)) do
    local job = redis.call('HMGET', K.job(id), 'priority', 'lifo')
    move(id, queue, state, 'queued', place(tonumber(job[1]) or 0, job[2]), {'reason', ''})
    room = room - 1
    moved = moved + 1
  end
end

local function look(queue, state)
  local first = redis.call('ZRANGE', K.index(queue, state), 0, 0, 'WITHSCORES')
  if not first[2] then return end
  local left = math.max(0, tonumber(first[2]) - NOW)
  if wait < 0 or left < wait then wait = left end
  return left == 0
end

for i = 1, #queues do
  local queue = queues[(turn + i) % #queues + 1]
  for _, state in ipairs({'scheduled', 'retrying'}) do
    if look(queue, state) then hungry[#hungry + 1] = {queue, state} end
  end
end
if #hungry > 0 then
  local share = math.max(1, math.floor(room / #hungry))
  for _, one in ipairs(hungry) do
    if room > 0 then promote(one[1], one[2], math.min(room, share)) end
  end
  wait = -1
  for _, one in ipairs(hungry) do
    if room > 0 then promote(one[1], one[2], room) end
  end
  for _, queue in ipairs(queues) do
    look(queue, 'scheduled')
    look(queue, 'retrying')
  end
end
return {moved, wait}
