-- needs: acted
-- Frees a unique key (ARGV[3] 'unique') whose holder does not live, or a lock of Huey's ('lock'), while it is held as shown.
-- KEYS[1]: prefix. ARGV: act, name, which, who or what holds it.
-- Returns an answer, see _acted.lua; its word is who holds it now, or the state of a holder that lives.
local act, name, which, seen = unpack(ARGV)
return acted(act, which .. ' ' .. name, function()
  if which == 'unique' then
    local holder = redis.call('GET', K.unique(name))
    if not holder then return {'missing', '', ''} end
    if holder ~= seen then return {'changed', holder, ''} end
    local state = redis.call('HGET', K.job(holder), 'state')
    if state and not ENDED[state] then return {'refused', state, ''} end
    redis.call('DEL', K.unique(name))
    return {'done', holder, ''}
  end
  local value = redis.call('HGET', K.data(), name) or redis.call('GET', K.hold(name))
  if not value then return {'missing', '', ''} end
  if value ~= seen then return {'changed', value, ''} end
  redis.call('HDEL', K.data(), name)
  redis.call('DEL', K.hold(name))
  return {'done', value, ''}
end)
