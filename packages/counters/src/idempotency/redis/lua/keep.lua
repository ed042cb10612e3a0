-- Keeps a name beyond the end of its request, or for the lease of one that still runs; not where another request has
-- taken it meanwhile.
-- KEYS: as lib.lua. ARGV: 4 'r' while it runs or 'e' once it has ended, 5 for how long.
-- Returns 1 when it is kept.

begin(KEYS, ARGV)
local state = known()
if state and state ~= 'r|' .. REQUEST then return 0 end
save(ARGV[4] .. '|' .. REQUEST, now + tonumber(ARGV[5]))
return 1
