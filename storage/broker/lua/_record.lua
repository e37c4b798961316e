-- record_of(id, is_new): what the recorder keeps of a job, as a flat list: the fields of RECORDED (false where there is
-- none), id, bytes of the payload, of the result, is_new, then number and text of each attempt that has ended.
-- Nil when there is no such job. An only attempt that succeeded is left out: the fields say all of it.
-- Payloads and results of more than LARGEST bytes stay away: only their sizes are told.
-- Then how many bytes that is, about.

local LARGEST = 262144
local RECORDED = {'version', 'task', 'queue', 'state', 'priority', 'created', 'queued', 'run_at', 'started', 'finished',
  'attempt', 'crashes', 'retries', 'left', 'worker', 'consumer', 'reason', 'error_type', 'error', 'fingerprint', 'parent',
  'unique', 'payload', 'result'}
local STATE, ATTEMPT, PAYLOAD, RESULT = 4, 11, 23, 24

local function add_attempts(key, last, out)
  local names = {}
  for n = 1, last do
    if n <= FIRST_ATTEMPTS or n > last - LAST_ATTEMPTS - 1 then names[#names + 1] = 'a:' .. whole(n) end
  end
  local bytes = 0
  for at, text in ipairs(redis.call('HMGET', key, unpack(names))) do
    if text then
      out[#out + 1] = string.sub(names[at], 3)
      out[#out + 1] = text
      bytes = bytes + #text
    end
  end
  return bytes
end

local function record_of(id, is_new)
  local key = K.job(id)
  local out = redis.call('HMGET', key, unpack(RECORDED))
  if not out[1] then return nil end
  local state, attempt = out[STATE], tonumber(out[ATTEMPT] or 0)
  if state == 'succeeded' and not out[RESULT] then out[RESULT] = redis.call('HGET', K.data(), id) end
  local payload, result = #(out[PAYLOAD] or ''), #(out[RESULT] or '')
  if payload > LARGEST then out[PAYLOAD] = false end
  if result > LARGEST then out[RESULT] = false end
  out[25], out[26], out[27], out[28] = id, payload, result, is_new or false
  local bytes = math.min(payload, LARGEST) + math.min(result, LARGEST) + 500
  if attempt > 1 or attempt == 1 and state ~= 'succeeded' then bytes = bytes + add_attempts(key, attempt, out) end
  return out, bytes
end
