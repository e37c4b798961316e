-- An operator's decision to try again: a dead, canceled or retrying job goes back in line with all its retries.
-- KEYS[1]: prefix. ARGV[1]: job id.
-- Returns {'requeued' or 'refused' or 'missing', the state it was in}, or {'taken', who holds its unique key}.
local key = key_job(ARGV[1])
local job = redis.call('HMGET', key, 'state', 'queue', 'priority', 'retries', 'first_delay', 'retry_delay',
  'unique', 'unique_ttl', 'lifo')
if not job[1] then return {'missing', ''} end
if job[1] ~= 'dead' and job[1] ~= 'canceled' and job[1] ~= 'retrying' then return {'refused', job[1]} end
if job[7] then
  local holder = take_unique(ARGV[1], job[7], tonumber(job[8]))
  if holder then return {'taken', holder} end
end
redis.call('HDEL', key, 'finished', 'run_at', 'progress', 'cancel')
redis.call('HDEL', key_data(), ARGV[1])
move(ARGV[1], job[2], job[1], 'queued', place(tonumber(job[3]), job[9]),
  {'left', job[4], 'retry_delay', job[5] or job[6], 'crashes', 0, 'reason', 'requeued'})
return {'requeued', job[1]}
