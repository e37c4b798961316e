-- Sets (ARGV[2]: JSON) or lifts (ARGV[2]: '') the limits of one queue; they hold from the next claim and enqueue on.
-- KEYS[1]: prefix. ARGV[1]: queue. Returns what they were, as JSON, or nil.
local before = redis.call('HGET', key_gates(), ARGV[1])
redis.call('SADD', key_queues(), ARGV[1])
if ARGV[2] == '' then redis.call('HDEL', key_gates(), ARGV[1]) else redis.call('HSET', key_gates(), ARGV[1], ARGV[2]) end
redis.call('DEL', key_starts(ARGV[1]))
local waiting = math.min(WAKE_TOKENS, redis.call('ZCARD', key_index(ARGV[1], 'queued')))
for _ = 1, waiting do wake(ARGV[1]) end
return before
