-- apply(write): one of the writes that belong to a step: {'set', key, value} and {'del', key} in Huey's store,
-- {'enqueue', job}, {'chord', id, callback's job id}, {'join', chord, member index, size, result}.
-- A chord is joined by the set of its members, never by a counter: a member that reports twice counts once.

local function join(chord, index, size, value)
  redis.call('HSET', key_chord(chord), index, value)
  if redis.call('HLEN', key_chord(chord)) ~= size + 1 then return end
  local id = redis.call('HGET', key_chord(chord), 'callback')
  local job = redis.call('HMGET', key_job(id), 'state', 'queue', 'priority', 'lifo')
  if job[1] == 'blocked' then
    move(id, job[2], 'blocked', 'queued', place(tonumber(job[3]), job[4]), {'reason', ''})
  end
end

local function apply(write)
  local op = write[1]
  if op == 'set' then redis.call('HSET', key_data(), write[2], write[3])
  elseif op == 'del' then redis.call('HDEL', key_data(), write[2])
  elseif op == 'enqueue' then insert(write[2])
  elseif op == 'chord' then redis.call('HSET', key_chord(write[2]), 'callback', write[3])
  elseif op == 'join' then join(write[2], write[3], write[4], write[5])
  else error('unknown write ' .. tostring(op)) end
end
