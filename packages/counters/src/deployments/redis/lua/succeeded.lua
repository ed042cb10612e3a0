-- Wakes a deployment, unless the request that was answered was under way before it fell asleep.
-- KEYS: as lib.lua. ARGV: 4 deployment, 5 what its claim had seen, 6 how long the recovery is remembered.
-- Returns the state as it is told, '' where nothing is known.

begin(KEYS, ARGV)
local entry = entry_of(ARGV[4])
if not entry then return '' end
if entry.phase ~= 'asleep' or tonumber(ARGV[5]) < entry.since then return told(entry) end
local version = next_version()
entry.since, entry.phase, entry.failures = version, 'recovered', 0
entry.till, entry.probe_till, entry.probe = 0, 0, ''
entry.forget_at = now + tonumber(ARGV[6])
save(ARGV[4], entry, version)
return told(entry)
