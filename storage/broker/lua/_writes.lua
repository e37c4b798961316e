-- apply(write): one of the writes that belong to a step: {'set', key, value} and {'del', key} in Huey's store,
-- {'result', job id, value} there for a job that will never be (what follows a failed one in a pipeline),
-- {'enqueue', job}, {'chord', id, job id of the one that waits, the job ids of each member}, and of a member
-- {'join', chord, member index, size, result} or, when it failed, {'miss', chord, member index, size, error}.

local function apply(write)
  local op = write[1]
  if op == 'set' or op == 'result' then redis.call('HSET', K.data(), write[2], write[3])
  elseif op == 'del' then redis.call('HDEL', K.data(), write[2])
  elseif op == 'enqueue' then jobs.insert(write[2])
  elseif op == 'chord' then flow.begin(write[2], write[3], write[4])
  elseif op == 'join' then flow.join(write[2], write[3], write[4], write[5])
  elseif op == 'miss' then flow.miss(write[2], write[3], write[4], write[5])
  else error('unknown write ' .. tostring(op)) end
end

-- The results that a job's end wrote for others are forgotten with it: its record says which.
local function note_results(id, writes)
  local ids = {}
  for _, write in ipairs(writes) do
    if write[1] == 'result' then ids[#ids + 1] = write[2] end
  end
  if #ids > 0 then redis.call('HSET', K.job(id), 'results', cjson.encode(ids)) end
end
