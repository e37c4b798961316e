-- note_run(schedule, job id, tick ms or 0, who): a schedule has enqueued a job, at a tick or by hand.

local RUNS_KEPT = 50

local function note_run(schedule, id, tick, by)
  redis.call('LPUSH', K.runs(schedule), cjson.encode({job = id, tick = tick, at = NOW, by = by}))
  redis.call('LTRIM', K.runs(schedule), 0, RUNS_KEPT - 1)
  redis.call('HINCRBY', K.tally(schedule), tick > 0 and 'enqueued' or 'by_hand', 1)
end
