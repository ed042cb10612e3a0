-- Frees the name of a request that came to nothing.
-- KEYS: as lib.lua. ARGV: as lib.lua.
-- Returns 1 when it was the request's to free.

begin(KEYS, ARGV)
if call('HGET', NAMES, NAME) ~= 'r|' .. REQUEST then return 0 end
drop(NAME)
return 1
