-- needs: insert
-- Adds a chord: its blocked callback and all its members, in one step.
-- KEYS[1]: prefix. ARGV[1]: msgpack {chords = list of {id, callback job id}, jobs = list of NewJob}. Returns how many were new.
local request = cmsgpack.unpack(ARGV[1])
local added = 0
for _, chord in ipairs(request.chords) do redis.call('HSET', key_chord(chord[1]), 'callback', chord[2]) end
for _, job in ipairs(request.jobs) do added = added + insert(job) end
return added
