-- Sets (ARGV[2]: JSON) or lifts (ARGV[2]: '') the limits of one queue; they hold from the next claim and enqueue on.
-- KEYS[1]: prefix. ARGV[1]: queue. Returns what they were, as JSON, or nil.
local before = redis.call('HGET', K.gates(), ARGV[1])
redis.call('SADD', K.queues(), ARGV[1])
if ARGV[2] == '' then redis.call('HDEL', K.gates(), ARGV[1]) else redis.call('HSET', K.gates(), ARGV[1], ARGV[2]) end
redis.call('DEL', K.starts(ARGV[1]))
local waiting = math.min(WAKE_TOKENS, redis.call('ZCARD', K.index(ARGV[1], 'queued')))
for _ = 1, waiting do wake(ARGV[1]) end
return before
