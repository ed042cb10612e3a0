-- Sets what is not seeded in this epoch from one snapshot of Postgres; seeding.ts explains the cases.
-- KEYS: epoch, leases.
-- ARGV: 1 now or '', 2 base, 3 epoch, 4 seed quarantine, 5-6 day start/end, 7 as of or '', 8 lease,
--   9 how long a note of a settled attempt matters, 10 how long closed attempts are remembered,
--   11 windows as JSON [[subject, slot, current, previous]],
--   12 balances as JSON [[counter, metric, committed, [[attempt, held, evidence]], [closed attempt] or false]].
-- Returns 1, or 0 where the epoch has passed.

local now = now_ms(ARGV[1])
local base = ARGV[2]
local day_start, day_end = tonumber(ARGV[5]), tonumber(ARGV[6])
local epoch, opened_at = epoch_of(KEYS[1], now)
if epoch ~= ARGV[3] then return 0 end

local as_of = math.min(tonumber(ARGV[7]) or now, now)
local is_today = now >= day_start and now < day_end
for _, window in ipairs(cjson.decode(ARGV[11])) do
  local key, slot = base .. 'w:' .. window[1], window[2]
  local subject = windows_of(call('GET', key), epoch)
  if (is_today or not is_day(slot)) and not roll(subject, slot, now, day_start, day_end) then
    local at = offset_of(slot)
    subject[at + CELL] = is_day(slot) and day_start or math.floor(as_of / LENGTH[slot])
    subject[at + CURRENT], subject[at + PREVIOUS] = window[3], is_day(slot) and 0 or window[4]
    subject[at + DAY_END], subject[at + COOL_UNTIL] = is_day(slot) and day_end or 0, 0
    save_windows(key, subject, now)
  end
end

-- Holds an attempt that Postgres calls open, or answers what the store saw it use meanwhile.
local function add_open(key, counter, metric, open)
  local id, attempt_key = open[1], base .. 'a:' .. open[1]
  local attempt = attempt_of(attempt_key)
  if not attempt then
    attempt = { THIN, now, false, open[3], {}, {}, {}, 0, 0, 0, 0, false }
    occupy(base, KEYS[2], attempt, id, now + tonumber(ARGV[8]))
  end
  local charged = false
  for _, charge in ipairs(attempt[CHARGES]) do charged = charged or charge[1] == counter end
  if not charged then
    table.insert(attempt[CHARGES], { counter, metric })
    save_attempt(attempt_key, attempt)
  end
  if attempt[STATE] == SETTLED or attempt[STATE] == WITHDRAWN then
    return amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
  end
  local fields = call('HMGET', key, 'h', 'a:' .. id)
  if not fields[2] then hold(key, id, tonumber(fields[1] or 0), tonumber(open[2])) end
  return 0
end

local function close(key, counter, closed)
  for _, id in ipairs(closed) do
    local fields = call('HMGET', key, 'h', 'a:' .. id)
    if fields[2] then release(key, id, tonumber(fields[1]), tonumber(fields[2])) end
    call('SADD', base .. 'k:' .. counter, id)
  end
  if #closed > 0 then call('PEXPIRE', base .. 'k:' .. counter, ARGV[10]) end
end

local function seed_balance(key, counter, metric, committed, open, closed)
  local is_open, is_closed, noted = {}, {}, {}
  for _, entry in ipairs(open) do is_open[entry[1]] = true end
  for _, id in ipairs(closed or {}) do is_closed[id] = true end
  local fields = call('HGETALL', key)
  for n = 1, #fields, 2 do
    local id = string.match(fields[n], '^s:(.*)')
    if id then
      local amount, at = string.match(fields[n + 1], '(.*)|(.*)')
      local recent = closed and not is_closed[id] and now - tonumber(at) <= tonumber(ARGV[9])
      if is_open[id] or recent then committed = committed + tonumber(amount) end
      noted[id] = true
      call('HDEL', key, fields[n])
    end
  end
  for _, entry in ipairs(open) do
    if not noted[entry[1]] then committed = committed + add_open(key, counter, metric, entry) end
  end
  close(key, counter, closed or {})
  call('HSETNX', key, 'h', '0')
  local before = committed + tonumber(call('HGET', key, 'h'))
  call('HSET', key, 'x', int(now), 'e', epoch, 'c', int(committed), 'i', int(before))
  call('HSET', key, 'k', closed and int(now + tonumber(ARGV[10])) or '0')
  -- A grace of an earlier epoch is over, or nothing was spent beyond the limit.
  call('HDEL', key, 'g')
  call('PEXPIRE', key, BALANCE_TTL)
end

-- Proxies may still be re-asserting what they hold, and Postgres may have been read too early.
if now - opened_at < tonumber(ARGV[4]) then return 1 end
for _, balance in ipairs(cjson.decode(ARGV[12])) do
  local key = base .. 'b:' .. balance[1]
  if call('HGET', key, 'e') ~= epoch then
    seed_balance(key, balance[1], balance[2], tonumber(balance[3]), balance[4], balance[5])
  end
end
return 1
