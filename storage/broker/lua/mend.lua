-- Looks for jobs that wait for one that is gone (its record was deleted by hand, or lost), and has them go on or fail
-- as on_failure says. KEYS[1]: prefix. ARGV: queue, place of the first blocked job to look at, how many.
-- Returns {how many were looked at, id of each that waited for one that is gone ...}.
local LIVE_MEMBERS = 1000 -- most of a job's members that are looked at

local function gone(ids)
  for id in string.gmatch(ids, '%S+') do
    local state = redis.call('HGET', K.job(id), 'state')
    if state and (not ENDED[state] or redis.call('SISMEMBER', K.buried(), id) == 1) then return false end
  end
  return true
end

local first = tonumber(ARGV[2])
local blocked = redis.call('ZRANGE', K.index(ARGV[1], 'blocked'), first, first + tonumber(ARGV[3]) - 1)
local out = {#blocked}
for _, id in ipairs(blocked) do
  local join = redis.call('HGET', K.job(id), 'chord')
  local children = join and redis.call('LRANGE', K.children(join), 0, -1) or {}
  local looked = 0
  for index, ids in ipairs(children) do
    local at = whole(index - 1)
    if looked < LIVE_MEMBERS and redis.call('HEXISTS', K.chord(join), at) == 0 then
      looked = looked + 1
      if gone(ids) then
        if out[#out] ~= id then out[#out + 1] = id end
        flow.ended(string.match(ids, '(%S+)%s*$'), join .. ':' .. at .. ':' .. #children, 'gone')
      end
    end
  end
end
if #out > 1 then
  redis.call('HINCRBY', K.repairs(), 'childless', #out - 1)
  redis.call('HSET', K.repairs(), 'last', 'childless ' .. out[#out] .. ' ' .. whole(NOW))
end
return out
