-- needs: claim
-- Starts the first job in line. KEYS[1]: prefix. ARGV[1]: msgpack claim request. Returns, as msgpack: see _claim.lua.
return cmsgpack.pack(claim(cmsgpack.unpack(ARGV[1])))
