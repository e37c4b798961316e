-- needs: runs
-- One enqueue per schedule and tick, whichever consumer is first; none while the schedule is paused.
-- KEYS[1]: prefix. ARGV: schedule, tick ms, msgpack NewJob, how many ticks right before this one were missed.
-- Returns 1 when this call enqueued it.
local LATE_MS = 10000
local schedule, tick = ARGV[1], tonumber(ARGV[2])
local last = tonumber(redis.call('HGET', K.cron(), schedule))
if last and last >= tick then return 0 end
redis.call('HSET', K.cron(), schedule, ARGV[2])
local held = redis.call('HGET', K.held(), schedule)
if held then
  local until_ms = cjson.decode(held).until_ms
  if until_ms == 0 or tick < until_ms then
    redis.call('HINCRBY', K.tally(schedule), 'skipped', 1 + ARGV[4])
    return 0
  end
  redis.call('HDEL', K.held(), schedule)
end
if tonumber(ARGV[4]) > 0 then redis.call('HINCRBY', K.tally(schedule), 'missed', ARGV[4]) end
local job = cmsgpack.unpack(ARGV[3])
if jobs.insert(job) ~= 1 then return 0 end
note_run(schedule, job.id, tick, '')
if NOW - tick > LATE_MS then redis.call('HINCRBY', K.tally(schedule), 'late', 1) end
return 1
