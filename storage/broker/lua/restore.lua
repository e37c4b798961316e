-- needs: acted
-- Puts a job back that was thrown away, in the state and place it was in. KEYS[1]: prefix. ARGV: act, msgpack {id, version,
-- record = flat list, log = list of {position, flat list}, data, chord, failed = flat lists, children = list}.
-- Returns an answer, see _acted.lua: 'refused' when a job of that id is there, 'taken' with who holds its unique key.
local act, whole_job = ARGV[1], cmsgpack.unpack(ARGV[2])
local id = whole_job.id

local function put(command, key, parts)
  for i = 1, #parts, 2 do redis.call(command, key, parts[i], parts[i + 1]) end
end

local function score_of(job, state)
  if state == 'queued' then return tonumber(job.line) or place(tonumber(job.priority) or 0, job.lifo) end
  if state == 'scheduled' or state == 'retrying' then return tonumber(job.run_at) or NOW end
  return tonumber(job.finished) or NOW
end

return acted(act, id, function()
  local there = redis.call('HGET', K.job(id), 'state')
  if there then return {'refused', there, ''} end
  local job = {}
  for i = 1, #whole_job.record, 2 do job[whole_job.record[i]] = whole_job.record[i + 1] end
  if job.unique and not ENDED[job.state] then
    local holder = take_unique(id, job.unique, tonumber(job.unique_ttl) or 0)
    if holder then return {'taken', holder, ''} end
  end
  redis.call('SADD', K.queues(), job.queue)
  put('HSET', K.job(id), whole_job.record)
  redis.call('HDEL', K.job(id), 'sized')
  redis.call('HSET', K.job(id), 'version', whole(whole_job.version + 1))
  put('HSET', K.data(), whole_job.data)
  if job.chord then
    put('HSET', K.chord(job.chord), whole_job.chord)
    put('HSET', K.failed(job.chord), whole_job.failed)
    redis.call('DEL', K.children(job.chord))
    for _, ids in ipairs(whole_job.children) do redis.call('RPUSH', K.children(job.chord), ids) end
  end
  for _, line in ipairs(whole_job.log) do redis.call('XADD', K.log(id), line[1], unpack(line[2])) end
  move(id, job.queue, nil, job.state, score_of(job, job.state), {})
  if job.state == 'queued' and job.queued then redis.call('HSET', K.job(id), 'queued', job.queued) end
  if job.member and not ENDED[job.state] then flow.revived(job.member) end
  return {'done', job.state, ''}
end)
