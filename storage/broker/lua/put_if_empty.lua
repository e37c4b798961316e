-- Sets a key of Huey's store unless it is set; with a time to live it lapses by itself.
-- KEYS[1]: prefix. ARGV: key, value, ttl ms or 0. Returns 1 when it was set.
if redis.call('EXISTS', K.hold(ARGV[1])) == 1 then return 0 end
if tonumber(ARGV[3]) == 0 then return redis.call('HSETNX', K.data(), ARGV[1], ARGV[2]) end
if redis.call('HEXISTS', K.data(), ARGV[1]) == 1 then return 0 end
redis.call('SET', K.hold(ARGV[1]), ARGV[2], 'PX', ARGV[3])
return 1
