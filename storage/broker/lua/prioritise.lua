-- needs: acted
-- Gives a job that waits another priority. In line it stands among those of that priority by when it came.
-- KEYS[1]: prefix. ARGV: act, job id, version, priority.
-- Returns an answer, see _acted.lua; after: '<new version> <former priority>'.
local act, id, version, priority = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'priority', 'line', 'queued', 'version')
  local state, queue = job[1], job[2]
  if state == 'running' or ENDED[state] then return {'refused', state, ''} end
  local score = redis.call('ZSCORE', K.index(queue, state), id)
  if state == 'queued' then
    score = whole((tonumber(job[4]) or tonumber(score)) + (tonumber(job[3]) - tonumber(priority)) * BAND)
  end
  move(id, queue, state, state, score, {'priority', priority})
  if state == 'queued' and job[5] then redis.call('HSET', K.job(id), 'queued', job[5]) end
  return {'done', state, whole(job[6] + 1) .. ' ' .. job[3]}
end)
