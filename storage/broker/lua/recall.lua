-- needs: acted
-- Calls a requeued job back that still waits, to what it was before that. KEYS[1]: prefix. ARGV: act, job id, version since
-- it was requeued, act of that. Returns an answer, see _acted.lua: 'changed' when it has begun since, or was done to.
local act, id, version, requeued_by = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local key = K.job(id)
  local job = redis.call('HMGET', key, 'state', 'queue', 'before')
  local before = job[3] and cmsgpack.unpack(job[3])
  if not before or before.act ~= requeued_by or (job[1] ~= 'queued' and job[1] ~= 'blocked') then
    return {'changed', job[1], ''}
  end
  local fields, flat = before.fields, {}
  local to = fields.state
  fields.state = nil
  for name, value in pairs(fields) do flat[#flat + 1] = name; flat[#flat + 1] = value end
  redis.call('HDEL', key, 'before', 'crashes', 'reason')
  if before.result then redis.call('HSET', K.data(), id, before.result) end
  local score = fields.finished or fields.run_at or whole(NOW)
  if #flat == 0 then flat = {'reason', ''} end
  move(id, job[2], job[1], to, score, flat)
  return {'done', job[1], ''}
end)
