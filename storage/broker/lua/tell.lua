-- needs: writes
-- Tells those who wait for a buried job, once: its error as its result, its chord's join, its error handler.
-- KEYS[1]: prefix. ARGV[1]: job id, ARGV[2]: msgpack list of writes, see _writes.lua. Returns 1 when this call told them.
if redis.call('SREM', K.buried(), ARGV[1]) == 0 then return 0 end
if redis.call('HGET', K.job(ARGV[1]), 'state') ~= 'dead' then return 0 end
local writes = cmsgpack.unpack(ARGV[2])
for _, write in ipairs(writes) do apply(write) end
note_results(ARGV[1], writes)
redis.call('PUBLISH', K.done(ARGV[1]), '1')
return 1
