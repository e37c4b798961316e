-- needs: requeue
-- An operator's decision to try again, see _requeue.lua. KEYS[1]: prefix. ARGV[1]: job id. Returns what again does.
return again(ARGV[1])
