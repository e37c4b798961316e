-- What every transition shares: the clock, the indexes, the counts and the events.
-- P is the namespace's prefix (KEYS[1]); the functions in K are generated from keys.py.
-- Redis's own clock is the only clock. Instants are milliseconds since the epoch.

local BAND = 1099511627776 -- 2^40: one priority step is wider than any place in line
local EVENTS_MOST = 1100000 -- in any case; see retain.lua for the bounds below that
local WAKE_TOKENS = 128
local FIRST_ATTEMPTS, LAST_ATTEMPTS = 5, 45 -- those of a job that are kept

-- Parts that most transitions do not come to. Each is read when something in it is asked for: see scripts.py.
local jobs = {} -- how a job comes into being: see _insert.lua
local dead = {} -- groups of dead jobs: see _dead.lua
local flow = {} -- what a job's end means for the job that waits for it: see _flow.lua

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local NOW = clock()

-- cmsgpack and cjson give numbers as doubles; this is how one is written without an exponent.
local function whole(n) return string.format('%.0f', n) end

local function next_seq() return redis.call('INCR', K.seq()) end

-- A place in line: behind those that came before, or with lifo before them, within its priority.
local function place(priority, lifo)
  local seq = next_seq()
  return (lifo and -seq or seq) - priority * BAND
end

-- The place in line that a job had before it was claimed, for one that comes back through no fault of its own.
local function old_place(id, priority) return tonumber(redis.call('HGET', K.job(id), 'line')) or place(priority) end

local function count(queue, what)
  local key = K.minute(queue, whole(math.floor(NOW / 60000)))
  if redis.call('HINCRBY', key, what, 1) == 1 then redis.call('EXPIRE', key, 7200) end
end

local function wake(queue)
  local key = K.wake(queue)
  if redis.call('LLEN', key) < WAKE_TOKENS then redis.call('RPUSH', key, '1') end
end

-- Whether any queue has limits: most namespaces have none, and then this is one look at a key that is not there.
local any_gate
local function limited()
  if any_gate == nil then any_gate = redis.call('EXISTS', K.gates()) == 1 end
  return any_gate
end

-- The limits of a queue, or nil.
local function gate_of(queue)
  local text = limited() and redis.call('HGET', K.gates(), queue)
  return text and cjson.decode(text)
end

-- A job has ended: its unique key is free, unless that was taken for a time, its bytes count no more, and the job that
-- waits for it is told of a failure. known: what its record says, see move.
local function let_go(id, queue, state, known)
  if known.unique and known.unique_ttl == '0' and redis.call('GET', K.unique(known.unique)) == id then
    redis.call('DEL', K.unique(known.unique))
  end
  if known.sized then
    redis.call('HINCRBY', K.bytes(), queue, -known.sized)
    redis.call('HDEL', K.job(id), 'sized')
  end
  redis.call('PUBLISH', K.done(id), '1')
  if known.member and state ~= 'succeeded' then flow.ended(id, known.member, state) end
end

-- Takes a job's unique key. Returns nil, or the id of the job that has it.
local function take_unique(id, unique, ttl_ms)
  local key = K.unique(unique)
  local holder = redis.call('GET', key)
  if holder and holder ~= id then return holder end
  if ttl_ms > 0 then
    if not holder then redis.call('SET', key, id, 'PX', ttl_ms) end
  else
    redis.call('SET', key, id)
  end
end

local ENDED = {succeeded = true, dead = true, canceled = true}

-- What a move must know of a record. The names and places of these fields in an HMGET that asks for them last.
local function known_of(version, unique, unique_ttl, sized, member)
  return {version = tonumber(version or 0), unique = unique, unique_ttl = unique_ttl, sized = sized, member = member}
end

local function look(id)
  return known_of(unpack(redis.call('HMGET', K.job(id), 'version', 'unique', 'unique_ttl', 'sized', 'member')))
end

-- Leaves an event of a job for the recorder, that it has this version and state now; created: its ms, of a job that the
-- recorder will find no more. One field of one text, because Redis hands Lua each field of each event by itself.
local function tell(id, version, state, created)
  redis.call('XADD', K.events(), 'MAXLEN', '~', EVENTS_MOST, '*', id, version .. ' ' .. state .. ' ' .. (created or ''))
end

-- Moves a job between two indexes and records the transition: record, index, event, all or nothing.
-- fields: flat list of further fields and values of the record. known: see known_of; nil when the caller has not read it.
local function move(id, queue, from, to, score, fields, known)
  local key = K.job(id)
  known = known or look(id)
  if from then redis.call('ZREM', K.index(queue, from), id) end
  redis.call('ZADD', K.index(queue, to), score, id)
  if from == 'dead' then dead.leave(id) end
  local version = whole(known.version + 1)
  if to == 'queued' then
    redis.call('HSET', key, 'version', version, 'state', to, 'line', score, 'queued', whole(NOW), unpack(fields))
  else
    redis.call('HSET', key, 'version', version, 'state', to, unpack(fields))
  end
  tell(id, version, to)
  if to == 'dead' then dead.enter(id) end
  if ENDED[to] then let_go(id, queue, to, known) end
  if to == 'queued' then wake(queue) end
end

-- Is this worker still the one that holds the job? A lost lease changes nothing.
local function holds(id, token)
  local v = redis.call('HMGET', K.job(id), 'token', 'state')
  return v[1] == token and v[2] == 'running'
end

-- Adds captured log lines (each a JSON text) to the tail of everything and, at the same place, to the job's log.
local function add_lines(id, lines, log_kept, tail_kept)
  for _, line in ipairs(lines) do
    local at = redis.call('XADD', K.tail(), 'MAXLEN', '~', tail_kept, '*', 'd', line, 'j', id)
    local added = redis.pcall('XADD', K.log(id), 'MAXLEN', log_kept, at, 'd', line)
    if type(added) == 'table' then redis.call('XADD', K.log(id), 'MAXLEN', log_kept, '*', 'd', line) end -- its clock is ahead
  end
end

-- An attempt that has ended, as the record keeps it in its field a:<n>.
-- A failed one says which group of errors it belongs to.
local function attempt_text(outcome, queued, started, worker, error_type, message, trace, fingerprint, shape)
  return cjson.encode({
    outcome = outcome, queued = tonumber(queued), started = tonumber(started), finished = NOW, worker = worker,
    error_type = error_type, error = message, traceback = trace, fingerprint = fingerprint, shape = shape})
end

-- A job may be tried for ever; what is kept of it is bounded.
local function bound_attempts(id, n)
  local old = tonumber(n) - LAST_ATTEMPTS
  if old > FIRST_ATTEMPTS then redis.call('HDEL', K.job(id), 'a:' .. whole(old)) end
end
