-- Takes a name for a request, unless another one has it.
-- KEYS: as lib.lua. ARGV: 4 lease, 5 how many names one API key may have.
-- Returns '' when it was taken, else the state of the one that has it.

begin(KEYS, ARGV)
local state = known()
if state and state ~= 'r|' .. REQUEST then return state end
for _, old in ipairs(call('ZRANGEBYSCORE', EXPIRIES, '-inf', int(now), 'LIMIT', 0, 20)) do drop(old) end
if call('ZCARD', EXPIRIES) >= tonumber(ARGV[5]) then drop(call('ZRANGE', EXPIRIES, 0, 0)[1]) end
save('r|' .. REQUEST, now + tonumber(ARGV[4]))
return ''
