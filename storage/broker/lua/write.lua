-- needs: writes
-- Several writes in one step. KEYS[1]: prefix. ARGV[1]: msgpack list of writes, see _writes.lua. Returns how many.
local writes = cmsgpack.unpack(ARGV[1])
for _, write in ipairs(writes) do apply(write) end
return #writes
