-- What changed since a version, oldest first.
-- KEYS: as lib.lua. ARGV: 4 the version, 5 how many changes at most.
-- Returns the newest version and the one to go on from (as text; '0' where there is none), then deployment and state as it
-- is told, in turn.

begin(KEYS, ARGV)
local limit = tonumber(ARGV[5])
local newest = tonumber(call('GET', NEWEST) or 0)
local reply = { int(newest), int(newest) }
local changed = call('ZRANGEBYSCORE', CHANGES, '(' .. ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
for index = 1, #changed, 2 do
  local deployment = changed[index]
  local entry = entry_of(deployment)
  if entry then
    reply[#reply + 1] = deployment
    reply[#reply + 1] = told(entry)
  else
    drop(deployment)
  end
end
if #changed == 2 * limit then reply[2] = int(tonumber(changed[#changed])) end
return reply
