-- Extends leases. Attempts that are unknown, or known from a seed only, are answered: they must be re-asserted.
-- KEYS: leases. ARGV: 1 now or '', 2 base, 3 lease, then attempt ids.
-- Returns the positions (from 1) of those attempts.

begin(tonumber(ARGV[1]), ARGV[2])
local until_ms = now + tonumber(ARGV[3])
local missing = {}
for position = 4, #ARGV do
  local id = ARGV[position]
  local attempt = attempt_of(id)
  local state = attempt and attempt[STATE]
  if state == LIVE or state == THIN then occupy(KEYS[1], attempt, id, until_ms) end
  if not attempt or state == THIN then missing[#missing + 1] = position - 3 end
end
return missing
