-- Reads and removes a key of Huey's store. KEYS[1]: prefix. ARGV[1]: key. Returns its value or nil.
local value = redis.call('HGET', K.data(), ARGV[1]) or redis.call('GET', K.hold(ARGV[1]))
if value then
  redis.call('HDEL', K.data(), ARGV[1])
  redis.call('DEL', K.hold(ARGV[1]))
end
return value
