-- needs: claim
-- Starts the first job in line. KEYS[1]: prefix. ARGV[1]: msgpack claim request. Returns: see _claim.lua.
return claim(cmsgpack.unpack(ARGV[1]))
