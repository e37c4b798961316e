-- needs: room
-- Adds jobs. KEYS[1]: prefix. ARGV[1]: msgpack list of NewJob.
-- A queue with limits takes no job beyond them: all or none of this call's jobs for it are refused before the first
-- write, so that a limit is never overshot.
-- Returns {how many were new, then for each that was not because of its unique key: its id, the holder's id},
-- or {-1, queue, limit, how full it is} when a queue is full.
local coming_jobs = cmsgpack.unpack(ARGV[1])

local full = room_for(coming_jobs)
if full then return full end
local out = {0}
for _, job in ipairs(coming_jobs) do
  local found = jobs.insert(job)
  if type(found) == 'number' then
    out[1] = out[1] + found
  else
    out[#out + 1] = job.id
    out[#out + 1] = found
  end
end
return out
