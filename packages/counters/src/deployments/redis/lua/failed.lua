-- Puts a deployment to sleep, unless the failed request was under way when its state changed.
-- KEYS: as lib.lua. ARGV: 4 deployment, 5 what its claim had seen, 6 how long ago it failed, 7 reason, 8 first sleep,
--   9 longest sleep, 10 how long failures are remembered after it.
-- Returns the state as it is told, '' where nothing is known.

begin(KEYS, ARGV)
local deployment, seen, ago = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local entry = entry_of(deployment)
local asleep = entry and entry.phase == 'asleep'
if entry and (asleep and now < entry.till or seen < entry.since) then return told(entry) end

local failures = asleep and entry.failures + 1 or 1
local sleep = math.min(tonumber(ARGV[9]), tonumber(ARGV[8]) * 2 ^ math.min(failures - 1, 16))
local till = now - ago + sleep
local version = next_version()
entry = {
  since = version, phase = 'asleep', reason = ARGV[7], failures = failures, till = till, probe_till = 0,
  forget_at = till + tonumber(ARGV[10]), probe = ''
}
save(deployment, entry, version)
return told(entry)
