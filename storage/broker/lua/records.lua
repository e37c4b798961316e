-- needs: record
-- The records of some jobs of one index, for the recorder's walk over all of them. Changes nothing.
-- KEYS[1]: prefix. ARGV: queue, state, cursor (0 to begin), about how many.
-- Returns, as msgpack, {next cursor (0: the index is through), records (see _record.lua)}.
local found = redis.call('ZSCAN', K.index(ARGV[1], ARGV[2]), ARGV[3], 'COUNT', ARGV[4])
local records = {}
for n = 1, #found[2], 2 do records[#records + 1] = record_of(found[2][n]) end
return cmsgpack.pack({found[1], records})
