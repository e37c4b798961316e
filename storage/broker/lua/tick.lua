-- needs: insert
-- One enqueue per schedule and tick, whichever consumer is first.
-- KEYS[1]: prefix. ARGV[1]: schedule, ARGV[2]: tick ms, ARGV[3]: msgpack NewJob. Returns 1 when this call enqueued it.
local last = tonumber(redis.call('HGET', key_cron(), ARGV[1]))
if last and last >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', key_cron(), ARGV[1], ARGV[2])
return insert(cmsgpack.unpack(ARGV[3])) == 1 and 1 or 0
