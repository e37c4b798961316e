-- Puts the groups of dead jobs right, a few jobs at a time: one that is in a group without being dead of its error (its
-- record is gone, say) leaves it. KEYS[1]: prefix. ARGV: fingerprint, cursor (0 to begin), how many to look at.
-- Returns {next cursor (0: the group is through), id of each job that left ...}.
local found = redis.call('ZSCAN', K.grave(ARGV[1]), ARGV[2], 'COUNT', ARGV[3])
local out = {found[1]}
for i = 1, #found[2], 2 do
  local id = found[2][i]
  local job = redis.call('HMGET', K.job(id), 'state', 'fingerprint')
  if job[1] ~= 'dead' or job[2] ~= ARGV[1] then
    redis.call('ZREM', K.grave(ARGV[1]), id)
    redis.call('HINCRBY', K.repairs(), 'misgrouped', 1)
    redis.call('HSET', K.repairs(), 'last', 'misgrouped ' .. id .. ' ' .. whole(NOW))
    out[#out + 1] = id
  end
end
if redis.call('EXISTS', K.grave(ARGV[1])) == 0 then
  redis.call('DEL', K.failure(ARGV[1]))
  redis.call('ZREM', K.failures(), ARGV[1])
end
return out
