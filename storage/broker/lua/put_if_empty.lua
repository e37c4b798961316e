-- Sets a key of Huey's store unless it is set; with a time to live it lapses by itself.
-- KEYS[1]: prefix. ARGV: key, value, ttl ms or 0. Returns 1 when it was set.
local lapsed = redis.call('ZSCORE', key_lapse(), ARGV[1])
if lapsed and tonumber(lapsed) <= NOW then
  redis.call('HDEL', key_data(), ARGV[1])
  redis.call('ZREM', key_lapse(), ARGV[1])
end
if redis.call('HSETNX', key_data(), ARGV[1], ARGV[2]) == 0 then return 0 end
if tonumber(ARGV[3]) > 0 then redis.call('ZADD', key_lapse(), NOW + tonumber(ARGV[3]), ARGV[1]) end
return 1
