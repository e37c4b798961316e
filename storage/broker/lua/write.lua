-- needs: writes room
-- Several writes in one step. KEYS[1]: prefix. ARGV[1]: msgpack list of writes, see _writes.lua. Returns how many,
-- or {-1, queue, limit, how full it is} when a queue has no room for its jobs among them: then nothing is written.
local writes = cmsgpack.unpack(ARGV[1])
local coming_jobs = {}
for _, write in ipairs(writes) do
  if write[1] == 'enqueue' then coming_jobs[#coming_jobs + 1] = write[2] end
end
local full = room_for(coming_jobs)
if full then return full end
for _, write in ipairs(writes) do apply(write) end
return #writes
