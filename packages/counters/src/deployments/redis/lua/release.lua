-- Gives a test back that said nothing, so that another request may take it.
-- KEYS: as lib.lua. ARGV: 4 deployment, 5 name of the test.
-- Returns the state as it is told, '' where nothing is known.

begin(KEYS, ARGV)
local entry = entry_of(ARGV[4])
if not entry then return '' end
if entry.probe == ARGV[5] then
  entry.probe, entry.probe_till = '', 0
  save(ARGV[4], entry, next_version())
end
return told(entry)
