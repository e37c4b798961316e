-- needs: runs
-- Enqueues one job of a schedule outside of its ticks. KEYS[1]: prefix. ARGV: schedule, msgpack NewJob, who.
-- Returns 1, or the id of the job that holds its unique key.
local job = cmsgpack.unpack(ARGV[2])
local found = jobs.insert(job)
if found == 1 then note_run(ARGV[1], job.id, 0, ARGV[3]) end
return found
