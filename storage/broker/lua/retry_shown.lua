-- needs: acted requeue
-- Requeues a job that is as it was shown. KEYS[1]: prefix. ARGV: act, job id, version.
-- Returns an answer, see _acted.lua; after: the new version.
local act, id, version = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local found = again(id, act)
  if found[1] ~= 'requeued' then return {found[1], found[2], ''} end
  return {'done', found[2], redis.call('HGET', K.job(id), 'version')}
end)
