-- Joins: a job that waits, blocked, until all its members have reported, each at its index.
-- The id of a join is the job id of the one that waits. A member's record says what it is part of:
-- member = '<join>:<index>:<size>'; so do all jobs of a pipeline that ends in one.
-- Members are counted as a set, never by a counter: one that reports twice counts once.
-- When a member is dead or canceled, on_failure of the job that waits decides: with 'fail' it is dead as well, and
-- lives again when that member is tried again; otherwise it goes on, with an error or a gap in that place.

local GAP = '' -- the value of a member that will never have one: the engine reads it as Huey's SKIPPED

local function parse(member)
  local join, index, size = string.match(member, '^(.*):(%d+):(%d+)$')
  return join, index, tonumber(size)
end

-- A member reports its value; the last one puts the job that waits in line.
function flow.join(join, index, size, value)
  local chord = K.chord(join)
  local id = redis.call('HGET', chord, 'callback')
  if not id then return end -- it ran, or was forgotten: nobody waits
  redis.call('HSET', chord, index, value)
  redis.call('HDEL', K.failed(join), index)
  if redis.call('HLEN', chord) ~= size + 1 then return end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'priority', 'lifo')
  if job[1] == 'blocked' then
    move(id, job[2], 'blocked', 'queued', place(tonumber(job[3]), job[4]), {'reason', ''})
  end
end

-- A member will not report: the job that waits goes on without it, unless it is one that fails with its members.
function flow.miss(join, index, size, value)
  local id = redis.call('HGET', K.chord(join), 'callback')
  if not id or redis.call('HEXISTS', K.chord(join), index) == 1 then return end
  if redis.call('HGET', K.job(id), 'on_failure') ~= 'fail' then flow.join(join, index, size, value) end
end

local function sentence(id, how)
  local child = redis.call('HMGET', K.job(id), 'task', 'error_type', 'error', 'reason')
  local why = child[4] or ''
  if child[2] and child[2] ~= '' then why = child[2] .. ': ' .. (child[3] or '') end
  local text = 'its child ' .. (child[1] or '') .. ' (' .. id .. ') is ' .. how
  if why ~= '' then text = text .. ': ' .. why end
  return #text > 600 and string.gsub(string.sub(text, 1, 600), '[\128-\255]+$', '') .. ' …' or text
end

local function fail(id, queue, child, how)
  redis.call('SADD', K.buried(), id) -- those who wait for it are told by a consumer: see tell.lua
  move(id, queue, 'blocked', 'dead', NOW, {'finished', whole(NOW), 'error_type', 'ChildFailed',
    'error', sentence(child, how), 'reason', 'a child failed'})
  count(queue, 'failed')
end

-- A member has ended without a value, or is gone. how: dead, canceled or a word for what became of it.
function flow.ended(id, member, how)
  local join, index, size = parse(member)
  local waits = join and redis.call('HGET', K.chord(join), 'callback')
  if not waits or redis.call('HEXISTS', K.chord(join), index) == 1 then return end
  local job = redis.call('HMGET', K.job(waits), 'state', 'queue', 'on_failure')
  if job[3] == 'fail' then
    redis.call('HSET', K.failed(join), index, id)
    if job[1] == 'blocked' then fail(waits, job[2], id, how) end
  elseif redis.call('SISMEMBER', K.buried(), id) == 0 then -- else its error is handed over: see tell.lua
    flow.join(join, index, size, GAP)
  end
end

-- A member that had failed is tried again: once none of them is failed, the job that waits does so again.
function flow.revived(member)
  local join, index = parse(member)
  if not join or redis.call('HDEL', K.failed(join), index) == 0 then return end
  local id = redis.call('HGET', K.chord(join), 'callback')
  if not id or redis.call('HLEN', K.failed(join)) > 0 then return end
  local job = redis.call('HMGET', K.job(id), 'state', 'queue', 'error_type', 'member')
  if job[1] ~= 'dead' or job[3] ~= 'ChildFailed' then return end
  redis.call('SREM', K.buried(), id)
  redis.call('HDEL', K.data(), id)
  redis.call('HDEL', K.job(id), 'finished', 'error', 'error_type')
  move(id, job[2], 'dead', 'blocked', NOW, {'reason', ''})
  if job[4] then flow.revived(job[4]) end
end

-- Whether a job still lacks values of its members; then, the id of one that failed, or nil.
function flow.lacks(join)
  local last = redis.call('LLEN', K.children(join))
  if last == 0 or redis.call('HLEN', K.chord(join)) > last then return false end
  return true, redis.call('HVALS', K.failed(join))[1]
end

-- A job comes to wait for others. children: for each of them the ids of its jobs, in order, as one text.
function flow.begin(join, id, children)
  local state = redis.call('HGET', K.job(id), 'state')
  if state and not ENDED[state] then return end
  redis.call('DEL', K.chord(join), K.failed(join), K.children(join))
  redis.call('HSET', K.chord(join), 'callback', id)
  for _, ids in ipairs(children or {}) do redis.call('RPUSH', K.children(join), ids) end
end
