-- needs: acted forget
-- Throws a job away that is as it was shown; whoever calls this has kept it whole. One that runs is refused, and one that
-- waits for others: what they answer meanwhile would be lost to it. Those who wait for it are told, its unique key is free.
-- KEYS[1]: prefix. ARGV: act, job id, version. Returns an answer, see _acted.lua; its word is the state it was in.
local act, id, version = unpack(ARGV)
return acted(act, id, function()
  local refusal = shown(id, version)
  if refusal then return refusal end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'created')
  local state, queue = job[1], job[2]
  if state == 'running' or state == 'blocked' then return {'refused', state, ''} end
  local known = look(id)
  if state ~= 'succeeded' and state ~= 'canceled' then
    tell(id, whole(known.version + 1), 'canceled', job[3])
    if state == 'dead' then dead.leave(id) end
    let_go(id, queue, 'thrown away', known)
    redis.call('SREM', K.buried(), id)
    count(queue, 'canceled')
  end
  redis.call('ZREM', K.index(queue, state), id)
  forget(queue, 'canceled', {id})
  return {'done', state, ''}
end)
