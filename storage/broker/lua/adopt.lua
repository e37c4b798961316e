-- Gives a job that is in no index its place back. KEYS[1]: prefix. ARGV[1]: job id.
-- Returns 1 when it was in none (a running one goes back in line: nobody holds its lease), else 0.
local id = ARGV[1]
local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'priority')
if not job[1] or not job[2] then return 0 end
if redis.call('ZSCORE', K.index(job[2], job[1]), id) then return 0 end
redis.call('SADD', K.queues(), job[2])
local to = job[1] == 'running' and 'queued' or job[1]
local at = to == 'queued' and old_place(id, tonumber(job[3]) or 0) or NOW
if to ~= job[1] then
  move(id, job[2], nil, to, at, {'token', '', 'reason', 'it was in no place'})
else
  redis.call('ZADD', K.index(job[2], to), at, id)
  if to == 'queued' then wake(job[2]) end
end
redis.call('HINCRBY', K.repairs(), 'orphan', 1)
redis.call('HSET', K.repairs(), 'last', 'orphan ' .. id .. ' ' .. whole(NOW))
return 1
