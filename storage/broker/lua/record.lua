-- needs: record
-- Reads the next events for the recorder, and of each job the record as it is now. Of an event that a later one of its job
-- has overtaken, only that one counts. Changes nothing.
-- KEYS[1]: prefix. ARGV: id of the last event that was read, most events, most jobs, most bytes.
-- Returns, as msgpack, {id of the last event that is dealt with here, how many events, ms until which all that happened is
-- in history once this is, whether the event that was read last is still there, records (see _record.lua),
-- for each event whose job is gone: job id, state, version, at ms, created ms or ''}.
local after = ARGV[1]
local most_jobs, room = tonumber(ARGV[3]), tonumber(ARGV[4])
local events = redis.call('XRANGE', K.events(), '(' .. after, '+', 'COUNT', ARGV[2])
local newest, jobs_seen, last = {}, 0, #events
for at, event in ipairs(events) do
  local id = event[2][2]
  if not newest[id] then
    jobs_seen = jobs_seen + 1
    if jobs_seen > most_jobs then last = at - 1; break end
  end
  newest[id] = at
end

local records, gone = {}, {}
for at = 1, last do
  local event = events[at][2]
  local id = event[2]
  if newest[id] == at then
    local record, bytes = record_of(id)
    if not record then
      gone[#gone + 1] = {id, event[6], event[8], event[10], event[12] or ''}
    elseif tonumber(record[2]) <= tonumber(event[8]) then
      records[#records + 1] = record
      room = room - bytes
    end
    if room <= 0 then last = at; break end
  end
end

local through = NOW - 1 -- more may happen within this very millisecond
if last < #events or #events == tonumber(ARGV[2]) then
  through = tonumber(string.match(events[last][1], '^%d+')) - 1000 -- its clock may have been set back by as much
end
local here = after == '0-0' or #redis.call('XRANGE', K.events(), after, after) > 0
return cmsgpack.pack({last > 0 and events[last][1] or after, last, whole(through), here, records, gone})
