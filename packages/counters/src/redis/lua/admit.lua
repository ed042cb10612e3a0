-- One atomic admission over a whole chain: read everything, check everything, then write everything.
-- KEYS: epoch, attempt, leases, then S windows, C concurrency, H balances.
-- ARGV: 1 numbers, 2 base, 3 attempt id, 4 evidence. The numbers are doubles in one string, -1 where none is given:
--   1 now, 2 seed quarantine, 3-4 valid from/until, 5-6 day start/end, 7 output cap, 8 least cap, 9 cap of a thin
--   attempt, 10 lease, 11 cooldown, 12 id of the epoch to open where there is none, 13 S, 14 C, 15 H, 16 whether only to
--   tell how everything stands (1) or to admit (0), then per subject six limits (in the order of slots), per concurrency its limit, per balance limit, fixed, per output token, metric, grace.
-- Returns doubles in one string, {status, now, ...}:
--   1 admitted: cap or -1, end of the grace that let it in or -1, then current and previous of every limited slot
--   2 window denied: per limited slot current, previous, cooling until, flag (0 lets through, 1 full, 2 cooling)
--   3 concurrency denied: position, when a slot is free at the latest (0 = never)
--   4 balance denied: position, committed, held
--   5 unseeded: epoch, opened at, ms until balances may be seeded, count of windows, their positions, positions of balances
--   6 stale   7 withdrawn
--   8 told: per limited slot as 2, per concurrency the count of live leases, per balance committed, held, inherited, when
--     its grace began and for which limit (-1 each where it has not)

local function answer(...)
  return struct.pack('<' .. string.rep('d', select('#', ...)), ...)
end

local N = { struct.unpack('<' .. string.rep('d', #ARGV[1] / 8), ARGV[1]) }
local base, id = ARGV[2], ARGV[3]
local now = N[1] == NONE and server_now() or N[1]
local day_start, day_end, cooldown = N[5], N[6], N[11]
local asked = N[7] ~= NONE and N[7] or nil
local S, C, H = N[13], N[14], N[15]
local LIMITS, CONCURRENCY, BALANCES = 16, 16 + S * 6, 16 + S * 6 + C

local epoch, opened_at = epoch_of(KEYS[1], now, int(N[12]))
local attempt = attempt_of(KEYS[2])
if attempt and attempt[STATE] == WITHDRAWN then return answer(7, now) end
if not attempt and (now < N[3] or now >= N[4]) then return answer(6, now) end

-- Read: for every limited slot its subject, number and limit; and the balances.
local subjects, missing = {}, {}
local subject_of, slot_of, limit_of, count = {}, {}, {}, 0
for s = 1, S do
  local subject = windows_of(call('GET', KEYS[3 + s]), epoch)
  subjects[s] = subject
  for slot = 1, 6 do
    local limit = N[LIMITS + (s - 1) * 6 + slot]
    if limit ~= NONE then
      count = count + 1
      subject_of[count], slot_of[count], limit_of[count] = s, slot, limit
      if not roll(subject, slot, now, day_start, day_end) then missing[#missing + 1] = count end
    end
  end
end

local function admitted(cap, grace_until)
  local reply, length = { 1, now, cap or NONE, grace_until or NONE }, 4
  for n = 1, count do
    local subject, at = subjects[subject_of[n]], offset_of(slot_of[n])
    reply[length + 1], reply[length + 2] = subject[at + CURRENT], subject[at + PREVIOUS]
    length = length + 2
  end
  return answer(unpack(reply, 1, length))
end
if attempt then
  return admitted(attempt[STATE] == THIN and asked and N[9] or attempt[CAP], attempt[GRACE_UNTIL])
end

local committed, held, kept_at, unseeded = {}, {}, {}, {}
for h = 1, H do
  local fields = call('HMGET', KEYS[3 + S + C + h], 'e', 'c', 'h', 'x')
  if fields[1] ~= epoch then unseeded[#unseeded + 1] = h end
  committed[h], held[h], kept_at[h] = tonumber(fields[2] or 0), tonumber(fields[3] or 0), fields[4]
end
if #missing > 0 or #unseeded > 0 then
  local opens_in = #unseeded > 0 and math.max(0, opened_at + N[2] - now) or 0
  local reply = { 5, now, tonumber(epoch), opened_at, opens_in, #missing }
  for _, position in ipairs(missing) do reply[#reply + 1] = position end
  for _, position in ipairs(unseeded) do reply[#reply + 1] = position end
  return answer(unpack(reply))
end

-- Check windows: all that deny start or renew their cooldown.
local flags, denied = {}, false
for n = 1, count do
  local subject, limit, at = subjects[subject_of[n]], limit_of[n], offset_of(slot_of[n])
  local cooling = now < subject[at + COOL_UNTIL] and limit <= subject[at + COOL_LIMIT]
  flags[n] = cooling and 2 or fits(subject, slot_of[n], limit, now) and 0 or 1
  denied = denied or flags[n] > 0
end
if N[16] == 1 then
  local reply = { 8, now }
  local function tell(...)
    for _, value in ipairs({ ... }) do reply[#reply + 1] = value end
  end
  for n = 1, count do
    local subject, at = subjects[subject_of[n]], offset_of(slot_of[n])
    tell(subject[at + CURRENT], subject[at + PREVIOUS], subject[at + COOL_UNTIL], flags[n])
  end
  for c = 1, C do tell(call('ZCOUNT', KEYS[3 + S + c], '(' .. int(now), '+inf')) end
  for h = 1, H do
    local fields = call('HMGET', KEYS[3 + S + C + h], 'i', 'g')
    local started, started_for = string.match(fields[2] or '', '(.*)|(.*)')
    tell(committed[h], held[h], tonumber(fields[1] or 0), tonumber(started or NONE), tonumber(started_for or NONE))
  end
  return answer(unpack(reply))
end
if denied then
  local reply, changed = { 2, now }, {}
  for n = 1, count do
    local subject, limit, at = subjects[subject_of[n]], limit_of[n], offset_of(slot_of[n])
    if flags[n] > 0 then
      local is_cooling = now < subject[at + COOL_UNTIL]
      subject[at + COOL_LIMIT] = is_cooling and math.max(subject[at + COOL_LIMIT], limit) or limit
      subject[at + COOL_UNTIL] = is_day(slot_of[n]) and day_end or now + cooldown
      changed[subject_of[n]] = true
    end
    for _, value in ipairs({ subject[at + CURRENT], subject[at + PREVIOUS], subject[at + COOL_UNTIL], flags[n] }) do
      reply[#reply + 1] = value
    end
  end
  for s in pairs(changed) do save_windows(KEYS[3 + s], subjects[s], now) end
  return answer(unpack(reply))
end

-- Check concurrency: only live leases count.
for c = 1, C do
  local key, limit = KEYS[3 + S + c], N[CONCURRENCY + c]
  local live = call('ZCOUNT', key, '(' .. int(now), '+inf')
  if live >= limit then
    local last = limit >= 1 and call('ZRANGEBYSCORE', key, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', live - limit, 1)
    return answer(3, now, c, last and tonumber(last[2]) or 0)
  end
end

-- Until when the grace of a balance that has too little room lets everything through, and whether it begins with this
-- request; grace.ts explains. The order of the fields is that of the balance's numbers.
local function grace_of(key, limit, length, fitting)
  local fields = call('HMGET', key, 'g', 'i')
  local started, started_for = string.match(fields[1] or '', '(.*)|(.*)')
  if not started or limit > tonumber(started_for) then
    if tonumber(fields[2] or 0) > limit or fitting >= N[8] then return nil end
    return now + length, true
  end
  local until_ms = tonumber(started) + length
  return now < until_ms and until_ms or nil, false
end

-- Check balances: the output cap comes down to the least headroom.
local cap, tightest, grace_until, graces = asked or math.huge, nil, nil, {}
for h = 1, H do
  local at = BALANCES + (h - 1) * 5
  local space, per = N[at + 1] - committed[h] - held[h] - N[at + 2], N[at + 3]
  local fitting = space >= 0 and math.huge or -1
  if per > 0 then
    fitting = math.floor(space / per)
    if fitting * per > space then fitting = fitting - 1 end
  end
  if fitting < (asked or math.huge) then
    local until_ms, begins
    if N[at + 5] > 0 then until_ms, begins = grace_of(KEYS[3 + S + C + h], N[at + 1], N[at + 5], fitting) end
    if until_ms then
      if begins then graces[#graces + 1] = h end
      grace_until = math.min(grace_until or until_ms, until_ms)
    elseif fitting < cap then cap, tightest = fitting, h end
  end
end
if tightest and cap < N[8] then return answer(4, now, tightest, committed[tightest], held[tightest]) end

-- Write.
attempt = { LIVE, now, asked and cap or false, ARGV[4], {}, {}, {}, 0, 0, 0, 0, grace_until or false }
for _, h in ipairs(graces) do
  call('HSET', KEYS[3 + S + C + h], 'g', int(now) .. '|' .. int(N[BALANCES + (h - 1) * 5 + 1]))
end
local counted, token_slots = {}, {}
for n = 1, count do
  local s, slot = subject_of[n], slot_of[n]
  if slot > 3 then
    local slots = token_slots[s] or {}
    slots[#slots + 1] = slot
    token_slots[s] = slots
  else
    local at = offset_of(slot)
    subjects[s][at + CURRENT] = subjects[s][at + CURRENT] + 1
    counted[s] = true
  end
end
local name = #base + 3
for s = 1, S do
  if counted[s] then save_windows(KEYS[3 + s], subjects[s], now) end
  if token_slots[s] then table.insert(attempt[TOKENS_OF], { string.sub(KEYS[3 + s], name), token_slots[s] }) end
end
for c = 1, C do attempt[OCCUPIES][c] = string.sub(KEYS[3 + S + c], name) end
for h = 1, H do
  local at, key = BALANCES + (h - 1) * 5, KEYS[3 + S + C + h]
  hold(key, id, held[h], N[at + 2] + N[at + 3] * (asked and cap or 0))
  keep(key, now, kept_at[h])
  attempt[CHARGES][h] = { string.sub(key, name), N[at + 4] }
end
save_attempt(KEYS[2], attempt)
occupy(base, KEYS[3], attempt, id, now + N[10])
return admitted(attempt[CAP], attempt[GRACE_UNTIL])
