-- Pauses a schedule (ARGV[2]: JSON of by, reason, until_ms; 0 is until it is resumed) or resumes it (ARGV[2]: '').
-- KEYS[1]: prefix. ARGV[1]: schedule. Returns 1 when that changed whether it is paused, -1 when until_ms is past.
if ARGV[2] == '' then return redis.call('HDEL', K.held(), ARGV[1]) end
local who = cjson.decode(ARGV[2])
if who.until_ms ~= 0 and who.until_ms <= NOW then return -1 end
who.at = NOW
return redis.call('HSET', K.held(), ARGV[1], cjson.encode(who))
