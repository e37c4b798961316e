-- acted(act, item, effect): does an operator's action to one item, once: asked again, it answers the same.
-- act is the key of the action's row in the audit; '' does it without keeping that.
-- shown(job, version): refuses a job that is not as it was shown. Nil, or the answer.
-- An answer is {verdict, word, after}: 'done' or a refusal ('missing', 'changed', 'refused', 'taken', 'failed'); the
-- state it is in or was in, or another id; and what undoing needs to know.
local ACTED_S = 86400

local function acted(act, item, effect)
  if act == '' then return effect() end
  local before = redis.call('HGET', K.act(act), item)
  if before then return cmsgpack.unpack(before) end
  local answer = effect()
  redis.call('HSET', K.act(act), item, cmsgpack.pack(answer))
  redis.call('EXPIRE', K.act(act), ACTED_S)
  return answer
end

local function shown(id, version)
  local now = redis.call('HMGET', K.job(id), 'state', 'version')
  if not now[1] then return {'missing', '', ''} end
  if version ~= '' and now[2] ~= version then return {'changed', now[1], ''} end
end
