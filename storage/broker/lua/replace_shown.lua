-- needs: acted
-- Writes (ARGV[5]) or removes ('') one field of a hash of settings that is as it was shown: a queue's pause or limits, a
-- schedule's pause, a consumer's order. KEYS[1]: prefix. ARGV: act, item, which (paused, gates, held, orders), field,
-- value, what it was when shown.
-- A pause's value is JSON and gets the instant; an until_ms of it that is past is refused.
-- Returns an answer, see _acted.lua; its word is what it is now when it has changed; after: what was written.
local act, item, which, field, value, seen = unpack(ARGV)
local hash = ({paused = K.paused(), gates = K.gates(), held = K.held(), orders = K.orders()})[which]
return acted(act, item, function()
  local now = redis.call('HGET', hash, field) or ''
  if now ~= seen then return {'changed', now, ''} end
  if value ~= '' and (which == 'paused' or which == 'held') then
    local who = cjson.decode(value)
    if (tonumber(who.until_ms) or 0) > 0 and who.until_ms <= NOW then return {'refused', 'past', ''} end
    if not who.at then
      who.at = NOW
      value = cjson.encode(who)
    end
  end
  if value == '' then redis.call('HDEL', hash, field) else redis.call('HSET', hash, field, value) end
  if which == 'gates' then redis.call('DEL', K.starts(field)) end
  if which == 'paused' or which == 'gates' then
    for _ = 1, math.min(WAKE_TOKENS, redis.call('ZCARD', K.index(field, 'queued'))) do wake(field) end
  end
  return {'done', '', value}
end)
