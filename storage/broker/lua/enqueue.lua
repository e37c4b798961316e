-- Adds jobs. KEYS[1]: prefix. ARGV[1]: msgpack list of NewJob.
-- A queue with limits takes no job beyond them: all or none of this call's jobs for it are refused before the first
-- write, so that a limit is never overshot.
-- Returns {how many were new, then for each that was not because of its unique key: its id, the holder's id},
-- or {-1, queue, limit, how full it is} when a queue is full.
local coming_jobs = cmsgpack.unpack(ARGV[1])

local coming = {}
for _, job in ipairs(coming_jobs) do
  local sum = coming[job.queue] or {count = 0, bytes = 0, gate = gate_of(job.queue)}
  sum.count = sum.count + 1
  sum.bytes = sum.bytes + #job.payload
  coming[job.queue] = sum
end
for queue, sum in pairs(coming) do
  local gate = sum.gate
  if gate and gate.max_jobs then
    local waiting = 0
    for _, state in ipairs({'queued', 'scheduled', 'retrying', 'blocked'}) do
      waiting = waiting + redis.call('ZCARD', K.index(queue, state))
    end
    if waiting + sum.count > gate.max_jobs then return {-1, queue, 'max_jobs', waiting} end
  end
  if gate and gate.max_bytes then
    local bytes = tonumber(redis.call('HGET', K.bytes(), queue) or 0)
    if bytes + sum.bytes > gate.max_bytes then return {-1, queue, 'max_bytes', bytes} end
  end
end

local out = {0}
for _, job in ipairs(coming_jobs) do
  local gate = coming[job.queue].gate
  job.sized = gate and gate.max_bytes
  local found = jobs.insert(job)
  if type(found) == 'number' then
    out[1] = out[1] + found
  else
    out[#out + 1] = job.id
    out[#out + 1] = found
  end
end
return out
