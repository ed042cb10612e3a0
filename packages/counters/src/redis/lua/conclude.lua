-- The closes of these attempts are durable: their evidence and their leases are needed no longer.
-- KEYS: leases. ARGV: 1 base, then attempt ids. Returns 1.

for position = 2, #ARGV do
  local id = ARGV[position]
  if call('UNLINK', evidence_key(ARGV[1], id)) == 1 then call('ZREM', KEYS[1], id) end
end
return 1
