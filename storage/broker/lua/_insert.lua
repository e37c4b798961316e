-- jobs.insert(job): a job comes into being. job is a table of NewJob's fields; one that is not named has its default.
-- Idempotent by id: a job that waits or runs is left alone, and so is a finished one when job.once is set or
-- the same call (job.call) is repeated after a lost reply. A finished one is launched anew otherwise.
-- A job with a unique key that another live job holds is not added (keep, reject), or takes that one's place while
-- it still waits (replace).
-- Returns 1 when the job was added, 0 when it was there, or the id of the job that holds its unique key.

local NEW_JOB = {__index = {
  priority = 0, delay_ms = 0, retries = 0, retry_delay_s = 0, parent = '', chord = '', blocked = false, lifo = false,
  unique = '', unique_ttl_ms = 0, conflict = 'keep', member = '', on_failure = '', once = false}}
local REPLACEABLE = {queued = true, scheduled = true, retrying = true, blocked = true}

local function replace(holder, id)
  local job = redis.call('HMGET', K.job(holder), 'state', 'queue')
  if not REPLACEABLE[job[1]] then return false end
  move(holder, job[2], job[1], 'canceled', NOW, {'finished', whole(NOW), 'reason', 'replaced by ' .. id})
  return true
end

function jobs.insert(job)
  setmetatable(job, NEW_JOB)
  local key = K.job(job.id)
  local found = redis.call('HMGET', key, 'state', 'queue', 'call', 'version')
  if found[1] and (job.once or not ENDED[found[1]] or found[3] == job.call) then return 0 end
  if job.unique ~= '' then
    local holder = take_unique(job.id, job.unique, job.unique_ttl_ms)
    if holder and not (job.conflict == 'replace' and replace(holder, job.id)) then return holder end
    if holder then
      redis.call('DEL', K.unique(job.unique)) -- one that was taken for a time outlives its job
      take_unique(job.id, job.unique, job.unique_ttl_ms)
    end
  end
  if found[1] then
    if job.member ~= '' then flow.revived(job.member) end
    if found[1] == 'dead' then dead.leave(job.id) end
    redis.call('ZREM', K.index(found[2], found[1]), job.id)
    redis.call('HDEL', key, 'finished', 'reason', 'error', 'error_type', 'progress', 'result', 'crashes', 'cancel')
  end
  redis.call('SADD', K.queues(), job.queue)
  local fields = {
    'task', job.task, 'queue', job.queue, 'payload', job.payload, 'priority', tostring(job.priority),
    'retries', job.retries, 'left', job.retries, 'retry_delay', tostring(job.retry_delay_s),
    'first_delay', tostring(job.retry_delay_s), 'call', job.call}
  local function also(name, value) fields[#fields + 1] = name; fields[#fields + 1] = value end
  if not found[1] then also('created', whole(NOW)) end
  if job.parent ~= '' then also('parent', job.parent) end
  if job.chord ~= '' then also('chord', job.chord) end
  if job.member ~= '' then also('member', job.member) end
  if job.on_failure ~= '' then also('on_failure', job.on_failure) end
  if job.unique ~= '' then also('unique', job.unique); also('unique_ttl', whole(job.unique_ttl_ms)) end
  if job.lifo then also('lifo', '1') end
  if job.sized then
    also('sized', #job.payload)
    redis.call('HINCRBY', K.bytes(), job.queue, #job.payload)
  end
  local known = known_of(found[4])
  if job.blocked then
    move(job.id, job.queue, nil, 'blocked', NOW, fields, known)
  elseif job.delay_ms > 0 then
    also('run_at', whole(NOW + job.delay_ms))
    move(job.id, job.queue, nil, 'scheduled', NOW + job.delay_ms, fields, known)
  else
    move(job.id, job.queue, nil, 'queued', place(job.priority, job.lifo), fields, known)
  end
  count(job.queue, 'enqueued')
  return 1
end
