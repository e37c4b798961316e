-- Brings a canary into being, a part of its jobs at a time; with the last part it starts. Repeating a part changes nothing.
-- KEYS[1]: prefix. ARGV: id, msgpack {start, last, items = list of '<version> <job id>', fields = flat list}.
-- Returns the state it is in.
local UNFINISHED_MS = 86400000
local id, part = ARGV[1], cmsgpack.unpack(ARGV[2])
local key = K.canary(id)
local state = redis.call('HGET', key, 'state')
if not state then
  state = 'loading'
  redis.call('HSET', key, 'state', state, 'phase', 'one', 'sent', 0, 'succeeded', 0, 'failed', 0, 'gone', 0, 'refused', 0,
    'total', 0, 'last', whole(NOW), 'started', whole(NOW), unpack(part.fields))
  redis.call('SADD', K.canaries(), id)
end
if state ~= 'loading' then return state end
if redis.call('LLEN', K.canary_line(id)) == part.start then
  for _, item in ipairs(part.items) do redis.call('RPUSH', K.canary_line(id), item) end
end
redis.call('HSET', key, 'total', redis.call('LLEN', K.canary_line(id)))
if part.last then
  state = 'running'
  redis.call('HSET', key, 'state', state)
end
for _, one in ipairs({key, K.canary_line(id)}) do -- one that is never whole is forgotten
  if part.last then redis.call('PERSIST', one) else redis.call('PEXPIRE', one, UNFINISHED_MS) end
end
return state
