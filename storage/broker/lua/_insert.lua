-- insert(job): a job comes into being. job is a table of NewJob's fields.
-- Idempotent by id: a job that waits or runs is left alone, and so is a finished one when job.once is set or
-- the same call (job.call) is repeated after a lost reply. A finished one is launched anew otherwise.
-- Returns 1 when the job was added, 0 when it was there.

local function insert(job)
  local key = key_job(job.id)
  local found = redis.call('HMGET', key, 'state', 'queue', 'call')
  local from = nil
  if found[1] then
    local state = found[1]
    local finished = state == 'succeeded' or state == 'dead' or state == 'canceled'
    if job.once or not finished or found[3] == job.call then return 0 end
    from = state
    redis.call('ZREM', key_index(found[2], state), job.id)
    redis.call('HDEL', key, 'finished', 'reason', 'error', 'error_type', 'progress', 'result', 'crashes')
  end
  redis.call('SADD', key_queues(), job.queue)
  local fields = {
    'task', job.task, 'queue', job.queue, 'payload', job.payload, 'priority', tostring(job.priority),
    'retries', job.retries, 'left', job.retries, 'retry_delay', tostring(job.retry_delay_s),
    'first_delay', tostring(job.retry_delay_s), 'call', job.call}
  if not from then fields[#fields + 1] = 'created'; fields[#fields + 1] = whole(NOW) end
  if job.parent ~= '' then fields[#fields + 1] = 'parent'; fields[#fields + 1] = job.parent end
  if job.chord ~= '' then fields[#fields + 1] = 'chord'; fields[#fields + 1] = job.chord end
  if job.blocked then
    move(job.id, job.queue, nil, 'blocked', NOW, fields)
  elseif job.delay_ms > 0 then
    fields[#fields + 1] = 'run_at'; fields[#fields + 1] = whole(NOW + job.delay_ms)
    move(job.id, job.queue, nil, 'scheduled', NOW + job.delay_ms, fields)
  else
    move(job.id, job.queue, nil, 'queued', place(job.priority), fields)
  end
  count(job.queue, 'enqueued')
  return 1
end
