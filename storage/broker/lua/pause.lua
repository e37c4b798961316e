-- Stops (ARGV[2] is the JSON of who, when, why) or restarts (ARGV[2] is '') the claims of one queue.
-- KEYS[1]: prefix. ARGV[1]: queue. Returns 1 when that changed something, -1 when there is no such queue.
if redis.call('SISMEMBER', K.queues(), ARGV[1]) == 0 then return -1 end
if ARGV[2] ~= '' then
  local who = cjson.decode(ARGV[2])
  who.at = NOW
  return redis.call('HSET', K.paused(), ARGV[1], cjson.encode(who))
end
local changed = redis.call('HDEL', K.paused(), ARGV[1])
local waiting = math.min(WAKE_TOKENS, redis.call('ZCARD', K.index(ARGV[1], 'queued')))
for _ = 1, waiting do wake(ARGV[1]) end
return changed
