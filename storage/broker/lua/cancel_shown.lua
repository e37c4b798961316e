-- needs: acted writes
-- Calls a job off that is as it was shown: see cancel.lua. KEYS[1]: prefix. ARGV: act, job id, version, reason, msgpack list
-- of writes. Returns an answer, see _acted.lua; its word is the state it was in: one that ran was asked to end.
local act, id, version, reason, told = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue')
  if ENDED[job[1]] then return {'refused', job[1], ''} end
  if job[1] == 'running' then
    redis.call('HSET', K.job(id), 'cancel', reason)
    return {'done', job[1], ''}
  end
  local writes = cmsgpack.unpack(told)
  for _, write in ipairs(writes) do apply(write) end
  note_results(id, writes)
  move(id, job[2], job[1], 'canceled', NOW, {'finished', whole(NOW), 'reason', reason})
  count(job[2], 'canceled')
  return {'done', job[1], ''}
end)
