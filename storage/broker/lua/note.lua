-- What running jobs say: progress and log lines, fenced like everything a worker writes.
-- KEYS[1]: prefix. ARGV[1]: msgpack {log_kept, tail_kept, notes = list of {id, token, progress, lines}}.
-- Returns the ids whose lease is lost.
local request = cmsgpack.unpack(ARGV[1])
local lost = {}
for _, n in ipairs(request.notes) do
  if holds(n.id, n.token) then
    if n.progress ~= '' then redis.call('HSET', K.job(n.id), 'progress', n.progress) end
    add_lines(n.id, n.lines, request.log_kept, request.tail_kept)
  else
    lost[#lost + 1] = n.id
  end
end
return lost
