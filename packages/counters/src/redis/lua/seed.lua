-- Sets what is not seeded in this epoch from one snapshot of Postgres; seeding.ts explains the cases.
-- KEYS: epoch, leases.
-- ARGV: 1 now or '', 2 base, 3 an id never used before, 4 epoch, 5 seed quarantine, 6-7 day start/end, 8 as of or '',
--   9 lease, 10 how long a note of a settled attempt matters, 11 how long closed attempts are remembered,
--   12 windows as JSON [[subject, slot, current, previous]],
--   13 balances as JSON [[counter, metric, committed, [[attempt, held, evidence]], [closed attempt] or false]].
-- Returns 1, or 0 where the epoch has passed.

begin(tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]))
local day_start, day_end = tonumber(ARGV[6]), tonumber(ARGV[7])
read_epoch(KEYS[1])
if not epoch or epoch ~= tonumber(ARGV[4]) then return 0 end

local as_of = math.min(tonumber(ARGV[8]) or now, now)
local is_today = now >= day_start and now < day_end
for _, window in ipairs(cjson.decode(ARGV[12])) do
  local row, slot = windows_at(windows_key(window[1])), window[2]
  local end_at = DAY_END[slot]
  if (is_today or not end_at) and not roll(row, slot, day_start, day_end) then
    row[CELL + slot] = end_at and day_start or math.floor(as_of / LENGTH[slot])
    row[CURRENT + slot], row[PREVIOUS + slot] = window[3], end_at and 0 or window[4]
    if end_at then row[end_at] = day_end end
    if row[COOL_UNTIL + slot] then row[COOL_UNTIL + slot] = 0 end
    row.changed = true
  end
end
save_windows()

-- Holds an attempt that Postgres calls open, or answers what the store saw it use meanwhile.
local function add_open(balance, counter, metric, open)
  local id = open[1]
  local attempt = attempt_of(id)
  if not attempt then
    attempt = { THIN, now, false, open[3], NO_CHAIN, 0, 0, 0, 0, false }
    occupy(KEYS[2], attempt, id, now + tonumber(ARGV[9]))
  end
  local at = charge_to(attempt, counter) or add_charge(attempt, counter, metric)
  local used = 0
  if attempt[STATE] == SETTLED or attempt[STATE] == WITHDRAWN then
    used = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
  else
    hold(attempt, at, balance, tonumber(open[2]))
  end
  save_attempt(id, attempt)
  return used
end

local function close(balance, counter, closed)
  for _, id in ipairs(closed) do
    local attempt = attempt_of(id)
    local at = attempt and charge_to(attempt, counter)
    if at and release(attempt, at, balance) then save_attempt(id, attempt) end
    call('SADD', base .. 'k:' .. counter, id)
  end
  if #closed > 0 then call('PEXPIRE', base .. 'k:' .. counter, ARGV[11]) end
end

local function seed_balance(balance, counter, metric, committed, open, closed)
  local is_open, is_closed, noted = {}, {}, {}
  for _, entry in ipairs(open) do is_open[entry[1]] = true end
  for _, id in ipairs(closed or {}) do is_closed[id] = true end
  local notes = call('HGETALL', notes_key(counter))
  for n = 1, #notes, 2 do
    local id = notes[n]
    local amount, at = string.match(notes[n + 1], '(.*)|(.*)')
    local recent = closed and not is_closed[id] and now - tonumber(at) <= tonumber(ARGV[10])
    if is_open[id] or recent then committed = committed + tonumber(amount) end
    noted[id] = true
  end
  call('UNLINK', notes_key(counter))
  for _, entry in ipairs(open) do
    if not noted[entry[1]] then committed = committed + add_open(balance, counter, metric, entry) end
  end
  close(balance, counter, closed or {})
  balance[EPOCH], balance[COMMITTED], balance[INHERITED] = epoch, committed, committed + balance[HELD]
  balance[CLOSED_UNTIL] = closed and now + tonumber(ARGV[11]) or 0
  -- A grace of an earlier epoch is over, or nothing was spent beyond the limit.
  balance[GRACE_AT], balance[GRACE_LIMIT] = NONE, NONE
  balance[BALANCE_KEPT_AT], balance.changed = 0, true
end

-- Proxies may still be re-asserting what they hold, and Postgres may have been read too early.
if now - opened_at < tonumber(ARGV[5]) then return 1 end
for _, seed in ipairs(cjson.decode(ARGV[13])) do
  local balance = balance_of(seed[1])
  if not is_seeded(balance) then
    seed_balance(balance, seed[1], seed[2], tonumber(seed[3]), seed[4], seed[5])
  end
end
save_balances()
return 1
