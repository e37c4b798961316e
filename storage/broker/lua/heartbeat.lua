-- A consumer process says that it lives, and renews the leases of the jobs it runs.
-- KEYS[1]: prefix. ARGV[1]: msgpack {id, process, alive_ms, lease_ms, fields = flat list, held = list of {job id, token}}.
-- Fields 'running:<process>' and 'memory:<process>' go when that process of the consumer has not beaten for alive_ms.
-- Returns {ids of jobs that are no longer this process's, id and reason of each that was called off, an operator's
-- order or ''}.
local request = cmsgpack.unpack(ARGV[1])
-- First a step that frees memory: a Redis that has none left lets the rest of such a script pass, and leases live on.
redis.call('ZREMRANGEBYSCORE', K.consumers(), '-inf', NOW - 86400000)
local lost, called_off = {}, {}
for _, held in ipairs(request.held) do
  local v = redis.call('HMGET', K.job(held[1]), 'token', 'state', 'queue', 'cancel')
  if v[1] == held[2] and v[2] == 'running' then
    redis.call('ZADD', K.index(v[3], 'running'), 'XX', NOW + request.lease_ms, held[1])
    if v[4] then called_off[#called_off + 1] = held[1]; called_off[#called_off + 1] = v[4] end
  else
    lost[#lost + 1] = held[1]
  end
end
if request.id ~= '' then
  redis.call('ZADD', K.consumers(), NOW + request.alive_ms, request.id)
  local key = K.consumer(request.id)
  redis.call('HSET', key, 'beat', whole(NOW), 'beat:' .. request.process, whole(NOW), unpack(request.fields))
  redis.call('PEXPIRE', key, 60000 + request.alive_ms)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local process = string.match(fields[i], '^beat:(.*)$')
    if process and NOW - tonumber(fields[i + 1]) > request.alive_ms then
      redis.call('HDEL', key, fields[i], 'running:' .. process, 'memory:' .. process)
    end
  end
end
return {lost, called_off, redis.call('HGET', K.orders(), request.id) or ''}
