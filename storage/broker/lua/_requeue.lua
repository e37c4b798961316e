-- again(id, act): an operator's decision to try again: a dead, canceled or retrying job goes back in line with all its
-- retries. One that waits for others does so again, until it has all their values.
-- With an act, what it was before is kept in the record's field before, so that it can be recalled (recall.lua).
-- Returns {'requeued' or 'refused' or 'missing', the state it was in}, {'taken', who holds its unique key},
-- or {'failed', the id of a child that keeps it from running}.

local FORMER = {'state', 'left', 'retry_delay', 'crashes', 'reason', 'finished', 'run_at', 'progress', 'fingerprint', 'shape'}

local function former(id, act)
  local values, kept = redis.call('HMGET', K.job(id), unpack(FORMER)), {}
  for i, name in ipairs(FORMER) do
    if values[i] then kept[name] = values[i] end
  end
  return cmsgpack.pack({act = act, fields = kept, result = redis.call('HGET', K.data(), id) or nil})
end

local function again(id, act)
  local key = K.job(id)
  local job = redis.call('HMGET', key, 'state', 'queue', 'priority', 'retries', 'first_delay', 'retry_delay',
    'unique', 'unique_ttl', 'lifo', 'chord', 'member')
  if not job[1] then return {'missing', ''} end
  if job[1] ~= 'dead' and job[1] ~= 'canceled' and job[1] ~= 'retrying' then return {'refused', job[1]} end
  local lacks, failed = false, nil
  if job[10] then lacks, failed = flow.lacks(job[10]) end
  if failed then return {'failed', failed} end
  if job[7] then
    local holder = take_unique(id, job[7], tonumber(job[8]))
    if holder then return {'taken', holder} end
  end
  local before = act and former(id, act)
  redis.call('HDEL', key, 'finished', 'run_at', 'progress', 'cancel', 'before')
  redis.call('HDEL', K.data(), id)
  redis.call('SREM', K.buried(), id)
  move(id, job[2], job[1], lacks and 'blocked' or 'queued', lacks and NOW or place(tonumber(job[3]), job[9]),
    {'left', job[4], 'retry_delay', job[5] or job[6], 'crashes', 0, 'reason', 'requeued'})
  if before then redis.call('HSET', key, 'before', before) end
  if job[11] then flow.revived(job[11]) end
  return {'requeued', job[1]}
end
