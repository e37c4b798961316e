-- needs: claim
-- Starts one given job, wherever it waits. KEYS[1]: prefix. ARGV[1]: msgpack claim request, ARGV[2]: job id.
-- Returns, as msgpack: see _claim.lua, or {false, -1} when the job does not wait.
local job = redis.call('HMGET', K.job(ARGV[2]), 'state', 'queue')
local waits = {queued = true, scheduled = true, retrying = true}
if not waits[job[1]] then return cmsgpack.pack({false, -1}) end
return cmsgpack.pack(start(job[2], ARGV[2], job[1], cmsgpack.unpack(ARGV[1])))
