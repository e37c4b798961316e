-- needs: acted
-- Pauses a canary, lets it go on, or ends it. One that has stopped by itself may go on: its counts begin anew.
-- KEYS[1]: prefix. ARGV: act, id, order (paused, running, aborted), who, reason, the state it was in when shown.
-- Returns an answer, see _acted.lua; its word is the state it is in; after: the state it was in.
local KEPT_MS = 604800000
local act, id, order, by, reason, seen = unpack(ARGV)
local FROM = {paused = {running = true}, running = {paused = true, stopped = true},
  aborted = {running = true, paused = true, stopped = true, loading = true}}
return acted(act, id, function()
  local key = K.canary(id)
  local state = redis.call('HGET', key, 'state')
  if not state then return {'missing', '', ''} end
  if seen ~= '' and state ~= seen then return {'changed', state, ''} end
  if not FROM[order][state] then return {'refused', state, ''} end
  redis.call('HSET', key, 'state', order, 'told_by', by, 'reason', reason, 'last', whole(NOW))
  for _, one in ipairs({key, K.canary_line(id), K.canary_flight(id)}) do
    if order == 'aborted' then redis.call('PEXPIRE', one, KEPT_MS) else redis.call('PERSIST', one) end
  end
  if order == 'aborted' then redis.call('HSET', key, 'ended', whole(NOW)) else redis.call('HDEL', key, 'ended') end
  if state == 'stopped' and order == 'running' then redis.call('HSET', key, 'succeeded', 0, 'failed', 0, 'gone', 0) end
  return {'done', order, state}
end)
