-- One atomic admission over a whole chain: read everything, check everything, then write everything.
-- KEYS: epoch, attempt, leases, then S windows, C concurrency, H balances.
-- ARGV: 1 now or '', 2 base, 3 attempt id, 4 seed quarantine, 5-6 valid from/until, 7-8 day start/end,
--   9 output cap or '', 10 least cap, 11 cap of a thin attempt, 12 lease, 13 cooldown, 14 evidence, 15 id of the epoch to
--   open where there is none, 16 S, 17 C, 18 H,
--   then per subject six limits or '' (in the order of slots), per concurrency its limit,
--   per balance limit, fixed, per output token, metric (C, T, R).
-- Returns {status, now, ...}:
--   1 admitted: cap or -1, then current and previous of every limited slot
--   2 window denied: per limited slot current, previous, cooling until, flag (0 lets through, 1 full, 2 cooling)
--   3 concurrency denied: position, when a slot is free at the latest (0 = never)
--   4 balance denied: position, committed, held
--   5 unseeded: epoch, opened at, ms until balances may be seeded, count of windows, their positions, positions of balances
--   6 stale   7 withdrawn

local now = now_ms(ARGV[1])
local base, id = ARGV[2], ARGV[3]
local day_start, day_end = tonumber(ARGV[7]), tonumber(ARGV[8])
local cooldown = tonumber(ARGV[13])
local S, C, H = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])
local LIMITS, CONCURRENCY, BALANCES = 18, 18 + S * 6, 18 + S * 6 + C

local epoch, opened_at = epoch_of(KEYS[1], now, ARGV[15])
local attempt = attempt_of(KEYS[2])
if attempt and attempt[STATE] == WITHDRAWN then return { 7, now } end
if not attempt and (now < tonumber(ARGV[5]) or now >= tonumber(ARGV[6])) then return { 6, now } end

-- Read: the limited slots of every subject as {subject, slot, limit}, and the balances.
local subjects, slots, missing = {}, {}, {}
for s = 1, S do
  local subject = windows_of(call('GET', KEYS[3 + s]), epoch)
  subjects[s] = subject
  for slot = 1, 6 do
    local limit = tonumber(ARGV[LIMITS + (s - 1) * 6 + slot])
    if limit then
      slots[#slots + 1] = { s, slot, limit }
      if not roll(subject, slot, now, day_start, day_end) then missing[#missing + 1] = #slots end
    end
  end
end

local function admitted(cap)
  local reply = { 1, now, cap or -1 }
  for _, entry in ipairs(slots) do
    local at = offset_of(entry[2])
    reply[#reply + 1] = subjects[entry[1]][at + CURRENT]
    reply[#reply + 1] = subjects[entry[1]][at + PREVIOUS]
  end
  return reply
end
if attempt then
  if attempt[STATE] == THIN and ARGV[9] ~= '' then return admitted(tonumber(ARGV[11])) end
  return admitted(attempt[CAP])
end

local balances, unseeded = {}, {}
for h = 1, H do
  local fields = call('HMGET', KEYS[3 + S + C + h], 'e', 'c', 'h')
  if fields[1] ~= epoch then unseeded[#unseeded + 1] = h end
  balances[h] = { tonumber(fields[2] or 0), tonumber(fields[3] or 0) }
end
if #missing > 0 or #unseeded > 0 then
  local opens_in = #unseeded > 0 and math.max(0, opened_at + tonumber(ARGV[4]) - now) or 0
  local reply = { 5, now, epoch, opened_at, opens_in, #missing }
  for _, position in ipairs(missing) do reply[#reply + 1] = position end
  for _, position in ipairs(unseeded) do reply[#reply + 1] = position end
  return reply
end

-- Check windows: all that deny start or renew their cooldown.
local denied = false
local flags = {}
for n, entry in ipairs(slots) do
  local subject, limit = subjects[entry[1]], entry[3]
  local at = offset_of(entry[2])
  local cooling = now < subject[at + COOL_UNTIL] and limit <= subject[at + COOL_LIMIT]
  flags[n] = cooling and 2 or fits(subject, entry[2], limit, now) and 0 or 1
  denied = denied or flags[n] > 0
end
if denied then
  local reply, changed = { 2, now }, {}
  for n, entry in ipairs(slots) do
    local subject, slot, limit = subjects[entry[1]], entry[2], entry[3]
    local at = offset_of(slot)
    if flags[n] > 0 then
      local is_cooling = now < subject[at + COOL_UNTIL]
      subject[at + COOL_LIMIT] = is_cooling and math.max(subject[at + COOL_LIMIT], limit) or limit
      subject[at + COOL_UNTIL] = is_day(slot) and day_end or now + cooldown
      changed[entry[1]] = true
    end
    for _, value in ipairs({ subject[at + CURRENT], subject[at + PREVIOUS], subject[at + COOL_UNTIL], flags[n] }) do
      reply[#reply + 1] = value
    end
  end
  for s in pairs(changed) do save_windows(KEYS[3 + s], subjects[s]) end
  return reply
end

-- Check concurrency: only live leases count.
for c = 1, C do
  local key, limit = KEYS[3 + S + c], tonumber(ARGV[CONCURRENCY + c])
  local count = call('ZCOUNT', key, '(' .. int(now), '+inf')
  if count >= limit then
    local last = limit >= 1 and call('ZRANGEBYSCORE', key, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', count - limit, 1)
    return { 3, now, c, last and tonumber(last[2]) or 0 }
  end
end

-- Check balances: the output cap comes down to the least headroom.
local asked = tonumber(ARGV[9])
local cap, tightest = asked or math.huge, nil
for h = 1, H do
  local at = BALANCES + (h - 1) * 4
  local limit, fixed, per = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local space = limit - balances[h][1] - balances[h][2] - fixed
  local fitting = space >= 0 and math.huge or -1
  if per > 0 then
    fitting = math.floor(space / per)
    if fitting * per > space then fitting = fitting - 1 end
  end
  if fitting < cap then cap, tightest = fitting, h end
end
if tightest and cap < tonumber(ARGV[10]) then return { 4, now, tightest, balances[tightest][1], balances[tightest][2] } end

-- Write.
attempt = { LIVE, now, asked and cap or false, ARGV[14], {}, {}, {}, 0, 0, 0, 0 }
local counted, token_slots = {}, {}
for _, entry in ipairs(slots) do
  local s, slot = entry[1], entry[2]
  if slot > 3 then
    token_slots[s] = token_slots[s] or {}
    table.insert(token_slots[s], slot)
  else
    local at = offset_of(slot)
    subjects[s][at + CURRENT] = subjects[s][at + CURRENT] + 1
    counted[s] = true
  end
end
local name = #base + 3
for s = 1, S do
  if counted[s] then save_windows(KEYS[3 + s], subjects[s]) end
  if token_slots[s] then table.insert(attempt[TOKENS_OF], { string.sub(KEYS[3 + s], name), token_slots[s] }) end
end
for c = 1, C do attempt[OCCUPIES][c] = string.sub(KEYS[3 + S + c], name) end
for h = 1, H do
  local at, key = BALANCES + (h - 1) * 4, KEYS[3 + S + C + h]
  hold(key, id, balances[h][2], tonumber(ARGV[at + 2]) + tonumber(ARGV[at + 3]) * (asked and cap or 0))
  attempt[CHARGES][h] = { string.sub(key, name), ARGV[at + 4] }
end
save_attempt(KEYS[2], attempt)
occupy(base, KEYS[3], attempt, id, now + tonumber(ARGV[12]))
call('PEXPIRE', KEYS[1], EPOCH_TTL)
return admitted(attempt[CAP])
