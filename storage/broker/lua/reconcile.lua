-- Looks at a few jobs of one index for states that can not be, and repairs what is safe.
-- KEYS[1]: prefix. ARGV: queue, state, cursor (0 to begin), how many to look at.
-- Returns {next cursor (0: the index is through), then kind, job id for each repair}.
-- Kinds: ghost (an index names a job without a record), twice (a job is in another place too), misfiled (its record says
-- another place, where it is not: it goes there), unleased (running without a token: its lease ends now).
local queue, state = ARGV[1], ARGV[2]
local index = K.index(queue, state)
local found = redis.call('ZSCAN', index, ARGV[3], 'COUNT', ARGV[4])
local out = {found[1]}
local function note(kind, id)
  out[#out + 1] = kind
  out[#out + 1] = id
  redis.call('HINCRBY', K.repairs(), kind, 1)
  redis.call('HSET', K.repairs(), 'last', kind .. ' ' .. id .. ' ' .. whole(NOW))
end
for i = 1, #found[2], 2 do
  local id, score = found[2][i], found[2][i + 1]
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'token')
  if not job[1] then
    redis.call('ZREM', index, id)
    note('ghost', id)
  elseif job[1] ~= state or job[2] ~= queue then
    local there = K.index(job[2], job[1])
    redis.call('ZREM', index, id)
    if redis.call('ZSCORE', there, id) then
      note('twice', id)
    else
      local at = ENDED[job[1]] and NOW or (job[1] == 'queued' and place(0) or NOW)
      redis.call('ZADD', there, at, id)
      redis.call('SADD', K.queues(), job[2])
      note('misfiled', id)
    end
  elseif state == 'running' and (not job[3] or job[3] == '') and tonumber(score) > NOW then
    redis.call('ZADD', index, 'XX', NOW, id)
    note('unleased', id)
  end
end
return out
