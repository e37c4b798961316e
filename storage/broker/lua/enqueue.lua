-- needs: insert
-- Adds jobs. KEYS[1]: prefix. ARGV[1]: msgpack list of NewJob. Returns how many were new.
local added = 0
for _, job in ipairs(cmsgpack.unpack(ARGV[1])) do added = added + insert(job) end
return added
