-- needs: acted requeue
-- What goes on without an operator: pauses that are over end, and canaries take their next step. Each run is one step of
-- each canary, on Redis's clock, so any number of consumers drive them and none of them alone is needed.
-- A canary requeues one job, waits for what becomes of it, then ten, then the rest at so many a minute; it stops when more
-- than its share of those that ended, or failed an attempt, have failed.
-- KEYS[1]: prefix. ARGV[1]: most jobs requeued by one run.
-- Returns {names of queues that go on, then id and state of each canary that changed its state}.
local FIRST, THEN, IN_FLIGHT = 1, 10, 1000
local KEPT_MS = 604800000 -- an ended canary is shown for so long
local room = tonumber(ARGV[1])

local function pauses_that_are_over()
  local names, all = {}, redis.call('HGETALL', K.paused())
  for i = 1, #all, 2 do
    local until_ms = tonumber(cjson.decode(all[i + 1]).until_ms) or 0
    if until_ms > 0 and until_ms <= NOW then
      redis.call('HDEL', K.paused(), all[i])
      for _ = 1, math.min(WAKE_TOKENS, redis.call('ZCARD', K.index(all[i], 'queued'))) do wake(all[i]) end
      names[#names + 1] = all[i]
    end
  end
  return names
end

local function read(key)
  local flat, c = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do c[flat[i]] = tonumber(flat[i + 1]) or flat[i + 1] end
  return c
end

-- Those that are in flight: counts the ended ones and lets go of them. Returns how many fly on, and how many of those have
-- failed an attempt since they were requeued.
local function look_at_flight(id, c)
  local flight, flying, failing = redis.call('HGETALL', K.canary_flight(id)), 0, 0
  for i = 1, #flight, 2 do
    local job = redis.call('HMGET', K.job(flight[i]), 'state', 'attempt')
    local state, tries = job[1], (tonumber(job[2]) or 0) - tonumber(flight[i + 1])
    local outcome = not state and 'gone' or state == 'succeeded' and 'succeeded'
      or (state == 'dead' or state == 'canceled') and 'failed'
    if outcome then
      c[outcome] = c[outcome] + 1
      redis.call('HDEL', K.canary_flight(id), flight[i])
    else
      flying = flying + 1
      if tries > 1 or (tries == 1 and state ~= 'running') then failing = failing + 1 end
    end
  end
  return flying, failing
end

local function send(id, c, most)
  local sent = 0
  while sent < most and room > 0 do
    local item = redis.call('LPOP', K.canary_line(id))
    if not item then break end
    room = room - 1
    local version, job_id = string.match(item, '^(%d+) (.*)$')
    local answer = acted(c.act, job_id, function()
      local refusal = shown(job_id, version)
      if refusal then return refusal end
      local found = again(job_id, c.act)
      if found[1] ~= 'requeued' then return {found[1], found[2], ''} end
      return {'done', found[2], redis.call('HGET', K.job(job_id), 'version')}
    end)
    if answer[1] == 'done' then
      redis.call('HSET', K.canary_flight(id), job_id, redis.call('HGET', K.job(job_id), 'attempt') or 0)
      sent = sent + 1
    else
      c.refused = c.refused + 1
    end
  end
  c.sent = c.sent + sent
  return sent
end

local function step(id, c)
  local flying, failing = look_at_flight(id, c)
  local bad = c.failed + failing
  local decided = c.succeeded + bad
  local share = decided > 0 and 100 * bad / decided or 0
  local batch = c.phase == 'one' and FIRST or c.phase == 'ten' and FIRST + THEN or nil
  local certain = batch and 100 * bad / batch > c.share -- whatever becomes of the others of this batch
  if share > c.share and (certain or c.phase == 'rest' or flying == failing) then
    c.state, c.reason = 'stopped', whole(bad) .. ' of ' .. whole(decided) .. ' failed, more than ' .. c.share .. '%'
    return
  end
  local left = redis.call('LLEN', K.canary_line(id))
  if left == 0 then
    if flying == 0 then c.state = 'finished' end
    return
  end
  if batch then
    if c.sent < batch then
      send(id, c, batch - c.sent)
    elseif flying == failing then
      c.phase = c.phase == 'one' and 'ten' or 'rest'
      c.last = NOW
      if c.phase == 'ten' then send(id, c, THEN) end
    end
    return
  end
  local due = math.floor((NOW - c.last) * c.rate / 60000)
  local most = math.min(due, IN_FLIGHT - flying)
  if most > 0 then
    send(id, c, most)
    c.last = due > most and NOW or c.last + math.floor(due * 60000 / c.rate)
  end
end

local out = {pauses_that_are_over()}
for _, id in ipairs(redis.call('SMEMBERS', K.canaries())) do
  local key = K.canary(id)
  local c = read(key)
  if not c.state then
    redis.call('SREM', K.canaries(), id)
  elseif c.state == 'running' then
    c.act = id
    step(id, c)
    redis.call('HSET', key, 'state', c.state, 'phase', c.phase, 'sent', c.sent, 'succeeded', c.succeeded, 'failed', c.failed,
      'gone', c.gone, 'refused', c.refused, 'last', whole(c.last), 'stepped', whole(NOW), 'reason', c.reason or '')
    redis.call('PEXPIRE', K.act(id), KEPT_MS)
    if c.state ~= 'running' then
      redis.call('HSET', key, 'ended', whole(NOW))
      for _, one in ipairs({key, K.canary_line(id), K.canary_flight(id)}) do redis.call('PEXPIRE', one, KEPT_MS) end
      out[#out + 1] = id
      out[#out + 1] = c.state
    end
  end
end
return out
