-- Reads and removes a key of Huey's store. KEYS[1]: prefix. ARGV[1]: key. Returns its value or nil.
local value = redis.call('HGET', key_data(), ARGV[1]) or redis.call('GET', key_hold(ARGV[1]))
if value then
  redis.call('HDEL', key_data(), ARGV[1])
  redis.call('DEL', key_hold(ARGV[1]))
end
return value
