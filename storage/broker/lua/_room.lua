-- room_for(list): whether the queues of these jobs, which are yet to come, have room for all of them; to be asked before
-- the first write, so that a limit is never overshot. Marks those whose bytes count (job.sized).
-- Returns nil, or {-1, queue, limit, how full it is} of a queue that has not.

local function room_for(list)
  local coming = {}
  for _, job in ipairs(list) do
    local sum = coming[job.queue] or {count = 0, bytes = 0, gate = gate_of(job.queue)}
    sum.count = sum.count + 1
    sum.bytes = sum.bytes + #job.payload
    coming[job.queue] = sum
    job.sized = sum.gate and sum.gate.max_bytes
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
end
