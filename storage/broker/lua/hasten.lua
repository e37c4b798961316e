-- needs: acted
-- Puts a job that is scheduled or retrying in line now, or (ARGV[4] not '') back to wait for that instant.
-- KEYS[1]: prefix. ARGV: act, job id, version, '' or '<state> <ms>'.
-- Returns an answer, see _acted.lua; after: '<new version> <state it was in> <ms it was due at>'.
local act, id, version, back = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'priority', 'lifo', 'run_at', 'version')
  local state, queue = job[1], job[2]
  if back ~= '' then
    local to, at = string.match(back, '^(%a+) (%d+)$')
    if state ~= 'queued' then return {'refused', state, ''} end
    move(id, queue, state, to, at, {'run_at', at})
    return {'done', state, ''}
  end
  if state ~= 'scheduled' and state ~= 'retrying' then return {'refused', state, ''} end
  move(id, queue, state, 'queued', place(tonumber(job[3]) or 0, job[4]), {'reason', ''})
  return {'done', state, whole(job[6] + 1) .. ' ' .. state .. ' ' .. (job[5] or whole(NOW))}
end)
