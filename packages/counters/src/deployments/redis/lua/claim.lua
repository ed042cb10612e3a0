-- Gives the test of a half-open deployment to one request of all proxies. A store that lost the state takes it from the
-- one who asks, so that there is one prober also after a flush.
-- KEYS: as lib.lua. ARGV: 4 deployment, 5 name of the test, 6 how long it may take, 7 reason, 8 failures in a row,
--   9 how long failures are remembered.
-- Returns 1 where the test is the asker's, else 0; and the state as it is told.

begin(KEYS, ARGV)
local entry = entry_of(ARGV[4])
local version = next_version()
if not entry then
  entry = { since = version, phase = 'asleep', reason = ARGV[7], failures = tonumber(ARGV[8]), till = now }
elseif entry.phase ~= 'asleep' or now < entry.till or now < entry.probe_till then
  return { 0, told(entry) }
end
entry.probe, entry.probe_till = ARGV[5], now + tonumber(ARGV[6])
entry.forget_at = now + tonumber(ARGV[9])
save(ARGV[4], entry, version)
return { 1, told(entry) }
