-- Attempts of one organization whose lease ran out before a moment; they stay until they are settled or concluded.
-- KEYS: leases. ARGV: 1 now or '', 2 base, 3 grace, 4 limit.
-- Returns {count of all leases, attempt id, evidence, granted output cap or -1, ...}.

begin(tonumber(ARGV[1]), ARGV[2])
local found = {}
local before = now - tonumber(ARGV[3])
for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', int(before), 'LIMIT', 0, ARGV[4])) do
  local attempt = attempt_of(id)
  if attempt and (attempt[STATE] == LIVE or attempt[STATE] == THIN) then
    found[#found + 1] = id
    found[#found + 1] = attempt[EVIDENCE]
    found[#found + 1] = attempt[CAP] or -1
  else
    local evidence = call('GET', evidence_key(id))
    if evidence then
      found[#found + 1] = id
      found[#found + 1] = evidence
      found[#found + 1] = -1
    else
      call('ZREM', KEYS[1], id)
    end
  end
end
table.insert(found, 1, call('ZCARD', KEYS[1]))
return found
