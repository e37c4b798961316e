-- Returns the jobs of the dead to their queue: a lease that ended without a settlement is a crash of its worker.
-- A job that lost its worker ARGV[2] times is buried, with the last worker named.
-- KEYS[1]: prefix. ARGV: most jobs at once, crashes before burial.
-- Returns a flat list: id, worker, crashes, 'queued' or 'dead', for each.
-- First a step that frees memory: a Redis that has none left lets the rest of such a script pass.
redis.call('ZREMRANGEBYSCORE', K.consumers(), '-inf', NOW)
local out = {}
local room = tonumber(ARGV[1])
for _, queue in ipairs(redis.call('SMEMBERS', K.queues())) do
  if room <= 0 then break end
  local ids = redis.call('ZRANGEBYSCORE', K.index(queue, 'running'), '-inf', NOW, 'LIMIT', 0, room)
  for _, id in ipairs(ids) do
    room = room - 1
    local key = K.job(id)
    local job = redis.call('HMGET', key, 'attempt', 'started', 'worker', 'priority', 'queued')
    local crashes = redis.call('HINCRBY', key, 'crashes', 1)
    local message = 'the worker ' .. (job[3] or '?') .. ' stopped without a word (crash ' .. whole(crashes) .. ')'
    redis.call('HSET', key, 'a:' .. job[1], attempt_text('lost', job[5], job[2], job[3], 'WorkerLost', message, ''))
    bound_attempts(id, job[1])
    if crashes >= tonumber(ARGV[2]) then
      message = 'worker lost ' .. whole(crashes) .. ' times; last on ' .. (job[3] or '?') .. ', signal 9 suspected'
      redis.call('SADD', K.buried(), id)
      move(id, queue, 'running', 'dead', NOW,
        {'token', '', 'finished', whole(NOW), 'error_type', 'WorkerLost', 'error', message, 'reason', 'poison'})
      out[#out + 1] = id; out[#out + 1] = job[3] or '?'; out[#out + 1] = crashes; out[#out + 1] = 'dead'
    else
      move(id, queue, 'running', 'queued', old_place(id, tonumber(job[4])),
        {'token', '', 'error_type', 'WorkerLost', 'error', message})
      out[#out + 1] = id; out[#out + 1] = job[3] or '?'; out[#out + 1] = crashes; out[#out + 1] = 'queued'
    end
    count(queue, 'lost')
    wake(queue)
  end
end
return out
