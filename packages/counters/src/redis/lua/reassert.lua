-- Puts an attempt back after a flush: hold, concurrency slots, token windows, evidence. Its request is not counted.
-- KEYS: epoch, attempt, leases, then H balances.
-- ARGV: 1 now or '', 2 base, 3 attempt id, 4 admitted at, 5 output cap or '', 6 lease, 7 evidence,
--   8 token slots as JSON [[subject, [slot]]], 9 occupied subjects as JSON, 10 id of the epoch to open where there is
--   none, then per balance amount, metric.
-- Returns 1, or 0 where the attempt was known already.

local now = now_ms(ARGV[1])
local base, id = ARGV[2], ARGV[3]
local until_ms = now + tonumber(ARGV[6])
local epoch = epoch_of(KEYS[1], now, ARGV[10])
local attempt = attempt_of(KEYS[2])
local state = attempt and attempt[STATE]

local charged = {}
for _, charge in ipairs(attempt and attempt[CHARGES] or {}) do charged[charge[1]] = true end

-- Ended before it was re-asserted: counts on the balances that its settlement could not know. On a seeded one only
-- while the seed's closed attempts are remembered: later it cannot be told from a counted one.
if state == SETTLED or state == WITHDRAWN then
  for h = 1, #KEYS - 3 do
    local key, metric = KEYS[3 + h], tonumber(ARGV[10 + h * 2])
    local counter = string.sub(key, #base + 3)
    if not charged[counter] then
      local amount = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
      local fields = call('HMGET', key, 'e', 'c', 'k')
      if fields[1] ~= epoch then note(key, id, amount, attempt[ENDED_AT])
      elseif now < tonumber(fields[3] or 0) and call('SISMEMBER', base .. 'k:' .. counter, id) == 0 then
        call('HSET', key, 'c', int(tonumber(fields[2]) + amount))
        inherit(key, amount)
      end
      table.insert(attempt[CHARGES], { counter, metric })
    end
  end
  save_attempt(KEYS[2], attempt)
  return 0
end
if state == LIVE then
  occupy(base, KEYS[3], attempt, id, until_ms)
  return 0
end

attempt = attempt or { LIVE, now, false, '', {}, {}, {}, 0, 0, 0, 0, false }
attempt[STATE], attempt[AT] = LIVE, math.min(now, tonumber(ARGV[4]))
attempt[CAP], attempt[EVIDENCE] = tonumber(ARGV[5]) or false, ARGV[7]
attempt[TOKENS_OF], attempt[OCCUPIES] = cjson.decode(ARGV[8]), cjson.decode(ARGV[9])
for h = 1, #KEYS - 3 do
  local key = KEYS[3 + h]
  local counter = string.sub(key, #base + 3)
  local fields = call('HMGET', key, 'h', 'a:' .. id, 'x')
  -- What the seed counted as closed must not be held again.
  if not fields[2] and call('SISMEMBER', base .. 'k:' .. counter, id) == 0 then
    hold(key, id, tonumber(fields[1] or 0), tonumber(ARGV[9 + h * 2]))
    inherit(key, tonumber(ARGV[9 + h * 2]))
    keep(key, now, fields[3])
  end
  if not charged[counter] then table.insert(attempt[CHARGES], { counter, tonumber(ARGV[10 + h * 2]) }) end
end
save_attempt(KEYS[2], attempt)
occupy(base, KEYS[3], attempt, id, until_ms)
return 1
