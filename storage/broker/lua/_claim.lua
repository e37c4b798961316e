-- start(queue, id, from, request): a worker begins an attempt: lease, attempt number, fencing token, flags.
-- claim(request): start the first job in line. request: consumer, worker, lease_ms, queues (empty: all), turn,
-- nonce (of this question), again_ms (0, or ms since it was first asked, when it is asked again).
-- Returns {id, queue, token, attempt, payload, left, retry_delay, task, revoked_one, revoked_all, chord, now}
-- or, when there is nothing to do, {false, ms until a rate limit opens or -1, queue names ...}; then the wake-up tokens
-- are stale and go.

-- Whether a queue's limits let a job start now; if not, ms until its rate does (-1: when a running job ends).
local function opens(queue, gate)
  if gate.cap and redis.call('ZCARD', K.index(queue, 'running')) >= gate.cap then return false, -1 end
  if gate.rate then
    local first = redis.call('LINDEX', K.starts(queue), gate.rate.count - 1)
    if first and tonumber(first) > NOW - gate.rate.per_ms then return false, first + gate.rate.per_ms - NOW end
  end
  return true
end

local function note_start(queue, gate)
  if gate and gate.rate then
    redis.call('LPUSH', K.starts(queue), whole(NOW))
    redis.call('LTRIM', K.starts(queue), 0, gate.rate.count - 1)
    redis.call('PEXPIRE', K.starts(queue), gate.rate.per_ms)
  end
end

local function answer(queue, id, job, token, attempt)
  local flags = redis.call('HMGET', K.data(), 'r:' .. id, 'rt:' .. (job[5] or ''))
  local results = false
  if job[6] then results = redis.call('HGETALL', K.chord(job[6])) end
  return {id, queue, token, attempt, job[1], job[3], job[4], job[5], flags[1], flags[2], results, whole(NOW)}
end

local function start(queue, id, from, request)
  local key = K.job(id)
  local job = redis.call('HMGET', key, 'payload', 'attempt', 'left', 'retry_delay', 'task', 'chord', 'reason', 'run_at',
    'version')
  if not job[1] then return nil end
  -- First a step that frees memory: a Redis that has none left lets the rest of such a script pass.
  redis.call('ZREM', K.index(queue, from), id)
  if job[2] or job[7] or job[8] then redis.call('HDEL', key, 'progress', 'reason', 'run_at') end
  local token = whole(next_seq())
  local attempt = (tonumber(job[2]) or 0) + 1
  local until_ms = NOW + request.lease_ms
  move(id, queue, nil, 'running', until_ms, {
    'attempt', attempt, 'token', token, 'worker', request.worker, 'consumer', request.consumer,
    'started', whole(NOW), 'nonce', request.nonce or ''}, known_of(job[9]))
  return answer(queue, id, job, token, attempt)
end

-- A question that is asked again, because its answer was lost, finds the job that it started then: nobody has renewed
-- that lease, so it ends where the lease of that moment does.
local function started_before(request, names)
  local low, high = NOW + request.lease_ms - request.again_ms - 1000, NOW + request.lease_ms
  for _, queue in ipairs(names) do
    local index = K.index(queue, 'running')
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, low, high, 'LIMIT', 0, 256)) do
      local job = redis.call('HMGET', K.job(id), 'payload', 'attempt', 'left', 'retry_delay', 'task', 'chord',
        'token', 'nonce')
      if job[8] == request.nonce then
        redis.call('ZADD', index, 'XX', high, id)
        return answer(queue, id, job, job[7], job[2])
      end
    end
  end
end

local function claim(request)
  local names = request.queues
  if #names == 0 then names = redis.call('SMEMBERS', K.queues()) end
  if (request.again_ms or 0) > 0 then
    local found = started_before(request, names)
    if found then return found end
  end
  local shut = {}
  for _, name in ipairs(redis.call('HKEYS', K.paused())) do shut[name] = true end
  local soonest = -1
  for i = 0, #names - 1 do
    local queue = names[(request.turn + i) % #names + 1]
    local gate = gate_of(queue)
    while not shut[queue] do
      local id = redis.call('ZRANGE', K.index(queue, 'queued'), 0, 0)[1]
      if not id then break end
      local open, wait = true, -1
      if gate then open, wait = opens(queue, gate) end
      if not open then
        if wait >= 0 and (soonest < 0 or wait < soonest) then soonest = wait end
        break
      end
      local started = start(queue, id, 'queued', request)
      if started then
        note_start(queue, gate)
        return started
      end
      redis.call('ZREM', K.index(queue, 'queued'), id) -- an index that names a job without a record
    end
  end
  local nothing = {false, soonest}
  for _, queue in ipairs(names) do
    redis.call('DEL', K.wake(queue))
    nothing[#nothing + 1] = queue -- one by one: Lua's unpack ends at 8000
  end
  return nothing
end
