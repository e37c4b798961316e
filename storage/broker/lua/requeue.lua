-- An operator's decision to try again: a dead, canceled or retrying job goes back in line with all its retries.
-- KEYS[1]: prefix. ARGV[1]: job id.
-- One that waits for others does so again, until it has all their values.
-- Returns {'requeued' or 'refused' or 'missing', the state it was in}, {'taken', who holds its unique key},
-- or {'failed', the id of a child that keeps it from running}.
local key = K.job(ARGV[1])
local job = redis.call('HMGET', key, 'state', 'queue', 'priority', 'retries', 'first_delay', 'retry_delay',
  'unique', 'unique_ttl', 'lifo', 'chord', 'member')
if not job[1] then return {'missing', ''} end
if job[1] ~= 'dead' and job[1] ~= 'canceled' and job[1] ~= 'retrying' then return {'refused', job[1]} end
local lacks, failed = false, nil
if job[10] then lacks, failed = flow.lacks(job[10]) end
if failed then return {'failed', failed} end
if job[7] then
  local holder = take_unique(ARGV[1], job[7], tonumber(job[8]))
  if holder then return {'taken', holder} end
end
redis.call('HDEL', key, 'finished', 'run_at', 'progress', 'cancel')
redis.call('HDEL', K.data(), ARGV[1])
redis.call('SREM', K.buried(), ARGV[1])
move(ARGV[1], job[2], job[1], lacks and 'blocked' or 'queued', lacks and NOW or place(tonumber(job[3]), job[9]),
  {'left', job[4], 'retry_delay', job[5] or job[6], 'crashes', 0, 'reason', 'requeued'})
if job[11] then flow.revived(job[11]) end
return {'requeued', job[1]}
