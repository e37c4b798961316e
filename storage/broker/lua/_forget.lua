-- forget(queue, state, ids): removes jobs with everything that is theirs: record, log, result, revoke flag, and for one
-- that waited for others what it had of them. One that has not ended is missed by those who wait for it, its
-- unique key is free, and the recorder is told of it.
-- Returns how many.

local function forget(queue, state, ids)
  for _, id in ipairs(ids) do
    local job = redis.call('HMGET', K.job(id), 'chord', 'results', 'version', 'created')
    if not ENDED[state] then
      let_go(id, queue, 'thrown away', look(id))
      tell(id, whole((job[3] or 0) + 1), 'forgotten', job[4])
    end
    if state == 'dead' then dead.leave(id) end
    if job[1] then redis.call('DEL', K.chord(job[1]), K.failed(job[1]), K.children(job[1])) end
    for _, other in ipairs(job[2] and cjson.decode(job[2]) or {}) do
      if redis.call('EXISTS', K.job(other)) == 0 then redis.call('HDEL', K.data(), other) end
    end
    redis.call('DEL', K.job(id), K.log(id))
    redis.call('HDEL', K.data(), id, 'r:' .. id)
    redis.call('ZREM', K.index(queue, state), id)
  end
  return #ids
end
