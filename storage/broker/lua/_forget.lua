-- forget(queue, state, ids): removes jobs with everything that is theirs: record, log, result, revoke flag, and for a
-- chord's callback the results of its members. Returns how many.

local function forget(queue, state, ids)
  for _, id in ipairs(ids) do
    local chord = redis.call('HGET', key_job(id), 'chord')
    if chord then redis.call('DEL', key_chord(chord)) end
    redis.call('DEL', key_job(id), key_log(id))
    redis.call('HDEL', key_data(), id, 'r:' .. id)
    redis.call('ZREM', key_index(queue, state), id)
  end
  return #ids
end
