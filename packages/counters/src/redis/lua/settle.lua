-- Replaces the hold of an attempt by what it used. Never refused; a second settlement replaces the first.
-- KEYS: epoch, attempt, leases. ARGV: 1 now or '', 2 base, 3 attempt id, 4 cost, 5 tokens, 6 requests, 7 evidence or ''.
-- Returns 1, or 0 where the attempt was unknown: then only its amounts are remembered.

local now = now_ms(ARGV[1])
local base, id = ARGV[2], ARGV[3]
local cost, tokens, requests = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local epoch = epoch_of(KEYS[1], now)
local attempt = attempt_of(KEYS[2])
local known = attempt and 1 or 0
attempt = attempt or { WITHDRAWN, now, false, '', {}, {}, {}, 0, 0, 0, now }
local first = attempt[STATE] == LIVE or attempt[STATE] == THIN

for _, charge in ipairs(attempt[CHARGES]) do
  local key, metric = base .. 'b:' .. charge[1], charge[2]
  local amount = amount_of(metric, cost, tokens, requests)
  local fields = call('HMGET', key, 'e', 'c', 'h', 'a:' .. id, 's:' .. id)
  local seeded = epoch and fields[1] == epoch
  if first then
    -- Without a hold the balance was seeded with the attempt's close, or is lost and will be seeded with it.
    if fields[4] then
      local held = int(tonumber(fields[3]) - tonumber(fields[4]))
      call('HDEL', key, 'a:' .. id)
      if seeded then call('HSET', key, 'h', held, 'c', int(tonumber(fields[2]) + amount))
      else
        call('HSET', key, 'h', held)
        note(key, id, amount, now)
      end
    end
  elseif fields[5] then
    note(key, id, amount, tonumber(string.match(fields[5], '|(.*)')))
  elseif seeded then
    local before = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
    call('HSET', key, 'c', int(tonumber(fields[2]) + amount - before))
  end
end

local more = tokens - attempt[TOKENS]
if more ~= 0 then
  for _, entry in ipairs(attempt[TOKENS_OF]) do
    local key = base .. 'w:' .. entry[1]
    local packed = call('GET', key)
    local subject = packed and windows_of(packed, epoch)
    local changed = false
    for _, slot in ipairs(entry[2]) do
      changed = subject and add_tokens(subject, slot, more, attempt[AT]) or changed
    end
    if changed then save_windows(key, subject, now) end
  end
end

if first then
  for _, subject in ipairs(attempt[OCCUPIES]) do call('ZREM', base .. 'c:' .. subject, id) end
  if ARGV[7] == '' then call('ZREM', KEYS[3], id)
  else call('SET', evidence_key(base, id), ARGV[7], 'PX', ATTEMPT_TTL) end
  attempt[STATE], attempt[EVIDENCE], attempt[OCCUPIES], attempt[ENDED_AT] = SETTLED, '', {}, now
end
attempt[COST], attempt[TOKENS], attempt[REQUESTS] = cost, tokens, requests
save_attempt(KEYS[2], attempt)
return known
