-- Groups of dead jobs: each has the fingerprint of its error, and is in the group of it exactly while it is dead.
-- The engine's fingerprint comes with the settlement; for a death without one it is made of the error's type and the task.

local WORDS = {WorkerLost = 'its worker was lost, again and again', ChildFailed = 'one of its children failed'}

function dead.enter(id)
  local key = K.job(id)
  local job = redis.call('HMGET', key, 'fingerprint', 'shape', 'task', 'error_type', 'error', 'reason', 'finished')
  local at = job[7] or whole(NOW) -- before now for one that died then and is put back
  local kind, shape, print = job[4] or '', job[2], job[1]
  if not print then
    print = string.sub(redis.sha1hex(kind .. '\n' .. (job[3] or '')), 1, 16)
    shape = WORDS[kind] or string.sub(job[6] or '', 1, 200)
    redis.call('HSET', key, 'fingerprint', print)
  end
  redis.call('ZADD', K.failures(), 'GT', at, print)
  redis.call('ZADD', K.grave(print), at, id)
  redis.call('HSETNX', K.failure(print), 'first', at)
  redis.call('HSET', K.failure(print), 'last', whole(redis.call('ZSCORE', K.failures(), print)), 'task', job[3] or '',
    'error_type', kind, 'message', shape or '')
end

function dead.leave(id)
  local print = redis.call('HGET', K.job(id), 'fingerprint')
  if not print then return end
  redis.call('HDEL', K.job(id), 'fingerprint', 'shape')
  redis.call('ZREM', K.grave(print), id)
  if redis.call('EXISTS', K.grave(print)) == 0 then
    redis.call('DEL', K.failure(print))
    redis.call('ZREM', K.failures(), print)
  end
end
