-- needs: record
-- Reads the next events for the recorder, and of each job the record as it is now. Of an event that a later one of its job
-- has overtaken, only that one counts. A job is new when its first event is among these. Changes nothing.
-- KEYS[1]: prefix. ARGV: id of the last event that was read, most events, most jobs, most bytes.
-- Returns, as msgpack, {id of the last event that is dealt with here, how many events, ms until which all that happened is
-- in history once this is, whether no event until here went unread, whether these are all, records (see _record.lua),
-- for each event whose job is gone: job id, state, version, at ms, created ms or '', ids of the jobs that are new and come
-- with a later event}.
local after, most = ARGV[1], tonumber(ARGV[2])
local room_for_jobs, room = tonumber(ARGV[3]), tonumber(ARGV[4])
local events = redis.call('XRANGE', K.events(), '(' .. after, '+', 'COUNT', most)
local newest, began, decide, last = {}, {}, {}, #events
local whole_so_far = after == '0-0' or #redis.call('XRANGE', K.events(), after, after) > 0
for at = last, 1, -1 do
  local event = events[at][2]
  local id, told = event[1], event[2]
  if not newest[id] then newest[id] = true; decide[#decide + 1] = at end
  if string.sub(told, 1, 2) == '1 ' then began[id] = true end
  if not string.find(told, '^%d+ %l+ ') then whole_so_far = false end -- an older Dewey's, or nobody's: as good as unread
end

local records, gone, passed = {}, {}, {}
for n = #decide, 1, -1 do
  local at = decide[n]
  local id, told = events[at][2][1], events[at][2][2]
  local version, state, created = string.match(told, '^(%d+) (%l+) (.*)$') -- see tell
  if version then
    -- What has succeeded does not go on: its record is read at once. Of others the version tells whether they did.
    local record, bytes
    local now = state == 'succeeded' and version or redis.call('HGET', K.job(id), 'version')
    if now and tonumber(now) <= tonumber(version) then
      record, bytes = record_of(id, began[id])
      now = record and record[1]
      room_for_jobs, room = room_for_jobs - 1, room - (bytes or 0)
    end
    if not now then
      gone[#gone + 1] = {id, state, version, string.match(events[at][1], '^%d+'), created}
    elseif tonumber(now) <= tonumber(version) then
      records[#records + 1] = record
    elseif began[id] then
      passed[#passed + 1] = id
    end
    if room <= 0 or room_for_jobs <= 0 then last = at; break end
  end
end

local all = last == #events and #events < most
local through = NOW - 1 -- more may happen within this very millisecond
if not all then
  through = tonumber(string.match(events[last][1], '^%d+')) - 1000 -- its clock may have been set back by as much
end
return cmsgpack.pack({last > 0 and events[last][1] or after, last, whole(through), whole_so_far, all, records, gone, passed})
