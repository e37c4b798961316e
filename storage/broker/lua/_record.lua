-- record_of(id): what the recorder keeps of a job, as a flat list: id, the fields of RECORDED (false where there is none),
-- bytes of the payload, of the result, then number and text of each attempt that has ended.
-- Nil when there is no such job. An only attempt that succeeded is left out: the fields say all of it.
-- Payloads and results of more than LARGEST bytes stay away: only their sizes are told.
-- Then how many bytes that is, about.

local LARGEST = 262144
local RECORDED = {'version', 'task', 'queue', 'state', 'priority', 'created', 'queued', 'run_at', 'started', 'finished',
  'attempt', 'crashes', 'retries', 'left', 'worker', 'consumer', 'reason', 'error_type', 'error', 'fingerprint', 'parent',
  'unique', 'payload', 'result'}
local FIELDS = #RECORDED
local PAYLOAD, RESULT = FIELDS + 0, FIELDS + 1 -- their places in the list, behind the id

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

local function record_of(id)
  local key = K.job(id)
  local out = redis.call('HMGET', key, unpack(RECORDED))
  if not out[1] then return nil end
  table.insert(out, 1, id)
  local state, attempt = out[5], tonumber(out[12] or 0)
  if state == 'succeeded' and not out[RESULT] then out[RESULT] = redis.call('HGET', K.data(), id) end
  local payload, result = #(out[PAYLOAD] or ''), #(out[RESULT] or '')
  if payload > LARGEST then out[PAYLOAD] = false end
  if result > LARGEST then out[RESULT] = false end
  out[#out + 1] = payload
  out[#out + 1] = result
  local bytes = math.min(payload, LARGEST) + math.min(result, LARGEST) + 500
  if attempt > 1 or attempt == 1 and state ~= 'succeeded' then bytes = bytes + add_attempts(key, attempt, out) end
  return out, bytes
end
