-- needs: writes claim
-- What became of an attempt: the job's next state and everything Huey wrote while it finished, in one step;
-- then, when asked, the next claim.
-- KEYS[1]: prefix. ARGV[1]: msgpack settlement, or '' for none. ARGV[2]: msgpack claim request, or '' for none.
-- Returns, as msgpack, {verdict, claim}: verdict is 'settled', 'again' (this settlement was applied before: its reply was lost),
-- or 'stale' (the lease was lost: nothing changed); claim as in _claim.lua or false.

local SETTLEMENT = {__index = {
  retry_delay_s = 0, delay_ms = 0, release = false, reason = '', error_type = '', error = '', traceback = '', result = '', progress = '',
  writes = {}, lines = {}, fingerprint = '', shape = ''}}

local function settle(s)
  setmetatable(s, SETTLEMENT)
  local key = K.job(s.id)
  local job = redis.call('HMGET', key, 'queue', 'attempt', 'started', 'worker', 'priority', 'settled', 'chord', 'lifo',
    'token', 'state', 'version', 'unique', 'unique_ttl', 'sized', 'member', 'queued')
  if job[9] ~= s.token or job[10] ~= 'running' then
    if job[6] == s.token then return 'again' end
    return 'stale'
  end
  local queue = job[1]
  local known = known_of(job[11], job[12], job[13], job[14], job[15])
  -- First a step that frees memory: a Redis that has none left lets the rest of such a script pass.
  redis.call('ZREM', K.index(queue, 'running'), s.id)
  local anew = {} -- this very job, launched again while it is finished (by a signal's receiver, say): after the move
  for _, write in ipairs(s.writes) do
    if write[1] == 'enqueue' and write[2].id == s.id then anew[#anew + 1] = write[2] else apply(write) end
  end
  note_results(s.id, s.writes)
  add_lines(s.id, s.lines, s.log_kept, s.tail_kept)
  local fields = {'settled', s.token, 'token', '', 'left', s.retries_left, 'retry_delay', tostring(s.retry_delay_s),
    'error_type', s.error_type, 'error', s.error, 'reason', s.reason}
  if s.progress ~= '' then fields[#fields + 1] = 'progress'; fields[#fields + 1] = s.progress end
  if s.result ~= '' then fields[#fields + 1] = 'result'; fields[#fields + 1] = s.result end
  if s.state == 'dead' and s.fingerprint ~= '' then
    fields[#fields + 1] = 'fingerprint'; fields[#fields + 1] = s.fingerprint
    fields[#fields + 1] = 'shape'; fields[#fields + 1] = s.shape
  end
  if s.release then
    redis.call('HINCRBY', key, 'released', 1)
    fields[#fields + 1] = 'attempt'; fields[#fields + 1] = tonumber(job[2]) - 1
  else
    fields[#fields + 1] = 'a:' .. job[2]
    local grouped = s.fingerprint ~= ''
    fields[#fields + 1] = attempt_text(s.outcome, job[16], job[3], job[4], s.error_type, s.error, s.traceback,
      grouped and s.fingerprint or nil, grouped and s.shape or nil)
    bound_attempts(s.id, job[2])
  end
  if s.state == 'queued' then
    local priority = tonumber(job[5])
    move(s.id, queue, nil, 'queued', s.release and old_place(s.id, priority) or place(priority, job[8]), fields,
      known)
  elseif s.state == 'retrying' or s.state == 'scheduled' then
    fields[#fields + 1] = 'run_at'; fields[#fields + 1] = whole(NOW + s.delay_ms)
    move(s.id, queue, nil, s.state, NOW + s.delay_ms, fields, known)
  else
    fields[#fields + 1] = 'finished'; fields[#fields + 1] = whole(NOW)
    move(s.id, queue, nil, s.state, NOW, fields, known)
    if s.state == 'succeeded' and job[7] then redis.call('DEL', K.chord(job[7]), K.failed(job[7])) end
  end
  count(queue, s.outcome)
  if limited() and redis.call('HEXISTS', K.gates(), queue) == 1 then wake(queue) end -- its cap has room again
  for _, job in ipairs(anew) do jobs.insert(job) end
  return 'settled'
end

local verdict = 'settled'
if ARGV[1] ~= '' then verdict = settle(cmsgpack.unpack(ARGV[1])) end
local claimed = false
if ARGV[2] ~= '' then claimed = claim(cmsgpack.unpack(ARGV[2])) end
return cmsgpack.pack({verdict, claimed})
