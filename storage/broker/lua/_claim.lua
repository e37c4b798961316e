-- start(queue, id, from, request): a worker begins an attempt: lease, attempt number, fencing token, flags.
-- claim(request): start the first job in line. request: consumer, worker, lease_ms, queues (empty: all), turn.
-- Returns {id, queue, token, attempt, payload, left, retry_delay, task, revoked_one, revoked_all, chord, now}
-- or, when there is nothing to do, {false, queue names ...}; then the wake-up tokens are stale and go.

local function start(queue, id, from, request)
  local key = key_job(id)
  local job = redis.call('HMGET', key, 'payload', 'attempt', 'left', 'retry_delay', 'task', 'chord')
  local token = whole(next_seq())
  local attempt = (tonumber(job[2]) or 0) + 1
  local until_ms = NOW + request.lease_ms
  move(id, queue, from, 'running', until_ms, {
    'attempt', attempt, 'token', token, 'worker', request.worker, 'consumer', request.consumer,
    'started', whole(NOW)})
  redis.call('HDEL', key, 'progress', 'reason', 'run_at')
  local flags = redis.call('HMGET', key_data(), 'r:' .. id, 'rt:' .. (job[5] or ''))
  local results = false
  if job[6] then results = redis.call('HGETALL', key_chord(job[6])) end
  return {id, queue, token, attempt, job[1], job[3], job[4], job[5], flags[1], flags[2], results, whole(NOW)}
end

local function claim(request)
  local names = request.queues
  if #names == 0 then names = redis.call('SMEMBERS', key_queues()) end
  local paused = {}
  for _, name in ipairs(redis.call('HKEYS', key_paused())) do paused[name] = true end
  for i = 0, #names - 1 do
    local queue = names[(request.turn + i) % #names + 1]
    while not paused[queue] do
      local id = redis.call('ZRANGE', key_index(queue, 'queued'), 0, 0)[1]
      if not id then break end
      if redis.call('HEXISTS', key_job(id), 'payload') == 1 then return start(queue, id, 'queued', request) end
      redis.call('ZREM', key_index(queue, 'queued'), id)
    end
  end
  for _, queue in ipairs(names) do redis.call('DEL', key_wake(queue)) end
  return {false, unpack(names)}
end
