-- needs: writes
-- Calls a job off: one that waits ends at once, with what its callers must know; one that runs is asked to end, by the
-- next heartbeat of its worker. KEYS[1]: prefix. ARGV[1]: job id, ARGV[2]: reason, ARGV[3]: msgpack list of writes.
-- Returns {'canceled' or 'asked' or 'refused' or 'missing', the state it was in}.
local key = K.job(ARGV[1])
local job = redis.call('HMGET', key, 'state', 'queue')
if not job[1] then return {'missing', ''} end
if ENDED[job[1]] then return {'refused', job[1]} end
if job[1] == 'running' then
  redis.call('HSET', key, 'cancel', ARGV[2])
  return {'asked', job[1]}
end
local writes = cmsgpack.unpack(ARGV[3])
for _, write in ipairs(writes) do apply(write) end
note_results(ARGV[1], writes)
move(ARGV[1], job[2], job[1], 'canceled', NOW, {'finished', whole(NOW), 'reason', ARGV[2]})
count(job[2], 'canceled')
return {'canceled', job[1]}
