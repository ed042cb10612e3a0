-- Admissions of one organization over their whole chains, one after the other. Each is atomic: it reads everything, checks
-- everything, then writes everything. What admissions share (windows, balances, lanes of concurrency) is read and written
-- once per call. Those that ask for the same windows, lanes and balances have one shape.
-- KEYS: epoch, leases, then per shape its S windows, C lanes, H balances, then the attempts.
-- ARGV: head, base, then per shape its numbers, then per admission its numbers, attempt id, evidence.
-- Numbers are doubles in one string, -1 where none is given:
--   head: now, seed quarantine, id of the epoch to open where there is none, day start/end, count of shapes, whether only
--     to tell how everything stands (1) or to admit (0)
--   shape: S, C, H, then per subject six limits (in the order of slots), per lane its limit, per balance limit, metric, grace
--   admission: position of its shape, valid from/until, output cap, least cap, cap of a thin attempt, lease, cooldown, then
--     per balance fixed, per output token
-- Returns per admission doubles in one string, {status, now, ...}:
--   1 admitted: cap or -1, end of the grace that let it in or -1, then current and previous of every limited slot
--   2 window denied: per limited slot current, previous, cooling until, flag (0 lets through, 1 full, 2 cooling)
--   3 concurrency denied: position, when a slot is free at the latest (0 = never)
--   4 balance denied: position, committed, held
--   5 unseeded: epoch, opened at, ms until balances may be seeded, count of windows, their positions, positions of balances
--   6 stale   7 withdrawn
--   8 told: per limited slot as 2, per lane the count of live leases, per balance committed, held, inherited, when its
--     grace began and for which limit (-1 each where it has not)

local function numbers_of(packed)
  return { struct.unpack('<' .. string.rep('d', #packed / 8), packed) }
end
local function packed(numbers, length)
  return struct.pack('<' .. string.rep('d', length), unpack(numbers, 1, length))
end
local function answer(...) return packed({ ... }, select('#', ...)) end

local head, base, leases = numbers_of(ARGV[1]), ARGV[2], KEYS[2]
local now = head[1] == NONE and server_now() or head[1]
local day_start, day_end = head[4], head[5]
local epoch, opened_at = epoch_of(KEYS[1], now, int(head[3]))

local function name_of(key) return string.sub(key, #base + 3) end

local windows, balances, lanes = {}, {}, {}

local function window_of(key)
  local window = windows[key]
  if not window then
    window = { subject = windows_of(call('GET', key), epoch), changed = false }
    windows[key] = window
  end
  return window
end

local function balance_of(key)
  local balance = balances[key]
  if not balance then
    local fields = call('HMGET', key, 'e', 'c', 'h', 'x')
    balance = { seeded = fields[1] == epoch, committed = tonumber(fields[2] or 0), held = tonumber(fields[3] or 0) }
    balance.key, balance.kept_at, balance.holds = key, fields[4], {}
    balances[key] = balance
  end
  return balance
end

-- Only live leases count.
local function lane_of(key)
  local lane = lanes[key]
  if not lane then
    lane = { key = key, live = call('ZCOUNT', key, '(' .. int(now), '+inf'), added = {} }
    lanes[key] = lane
  end
  return lane
end

local function write_lane(lane)
  if #lane.added == 0 then return end
  call('ZADD', lane.key, unpack(lane.added))
  call('PEXPIRE', lane.key, LEASES_TTL)
  lane.added = {}
end

-- For every limited slot of a shape its subject, number, limit and offset, brought to the present; and its balances.
local function shape_of(N, first)
  local S, C, H = N[1], N[2], N[3]
  local shape = { slots = {}, missing = {}, lanes = {}, balances = {}, unseeded = {} }
  shape.token_slots, shape.occupies, shape.charges = {}, {}, {}
  for s = 1, S do
    local key = KEYS[first + s]
    local window, tokens = window_of(key), {}
    for slot = 1, 6 do
      local limit = N[3 + (s - 1) * 6 + slot]
      if limit ~= NONE then
        local n = #shape.slots + 1
        shape.slots[n] = { window = window, subject = window.subject, slot = slot, limit = limit, at = offset_of(slot) }
        if not roll(window.subject, slot, now, day_start, day_end) then table.insert(shape.missing, n) end
        if slot > 3 then tokens[#tokens + 1] = slot end
      end
    end
    if #tokens > 0 then table.insert(shape.token_slots, { name_of(key), tokens }) end
  end
  for c = 1, C do
    local key = KEYS[first + S + c]
    shape.lanes[c] = { lane = lane_of(key), limit = N[3 + S * 6 + c] }
    shape.occupies[c] = name_of(key)
  end
  for h = 1, H do
    local key, at = KEYS[first + S + C + h], 3 + S * 6 + C + (h - 1) * 3
    local balance = balance_of(key)
    shape.balances[h] = { balance = balance, limit = N[at + 1], grace = N[at + 3] }
    shape.charges[h] = { name_of(key), N[at + 2] }
    if not balance.seeded then table.insert(shape.unseeded, h) end
  end
  return shape, first + S + C + H
end

local function admitted(shape, cap, grace_until)
  local reply, length = { 1, now, cap or NONE, grace_until or NONE }, 4
  for _, limited in ipairs(shape.slots) do
    reply[length + 1], reply[length + 2] = limited.subject[limited.at + CURRENT], limited.subject[limited.at + PREVIOUS]
    length = length + 2
  end
  return packed(reply, length)
end

local function unseeded(shape)
  local opens_in = #shape.unseeded > 0 and math.max(0, opened_at + head[2] - now) or 0
  local reply = { 5, now, tonumber(epoch), opened_at, opens_in, #shape.missing }
  for _, position in ipairs(shape.missing) do reply[#reply + 1] = position end
  for _, position in ipairs(shape.unseeded) do reply[#reply + 1] = position end
  return packed(reply, #reply)
end

local function flag_of(limited)
  local subject, at, limit = limited.subject, limited.at, limited.limit
  if now < subject[at + COOL_UNTIL] and limit <= subject[at + COOL_LIMIT] then return 2 end
  return fits(subject, limited.slot, limit, now) and 0 or 1
end

-- How the limited slots stand, four numbers each. Where they deny, those that do start or renew their cooldown.
local function tell_windows(shape, reply, cooldown)
  for _, limited in ipairs(shape.slots) do
    local subject, at, flag = limited.subject, limited.at, flag_of(limited)
    if flag > 0 and cooldown then
      local is_cooling = now < subject[at + COOL_UNTIL]
      subject[at + COOL_LIMIT] = is_cooling and math.max(subject[at + COOL_LIMIT], limited.limit) or limited.limit
      subject[at + COOL_UNTIL] = is_day(limited.slot) and day_end or now + cooldown
      limited.window.changed = true
    end
    local length = #reply
    reply[length + 1], reply[length + 2] = subject[at + CURRENT], subject[at + PREVIOUS]
    reply[length + 3], reply[length + 4] = subject[at + COOL_UNTIL], flag
  end
end

local function told(shape)
  local reply = { 8, now }
  tell_windows(shape, reply)
  for _, occupied in ipairs(shape.lanes) do reply[#reply + 1] = occupied.lane.live end
  for _, held in ipairs(shape.balances) do
    local fields = call('HMGET', held.balance.key, 'i', 'g')
    local started, started_for = string.match(fields[2] or '', '(.*)|(.*)')
    local values = { held.balance.committed, held.balance.held, tonumber(fields[1] or 0) }
    values[4], values[5] = tonumber(started or NONE), tonumber(started_for or NONE)
    for _, value in ipairs(values) do reply[#reply + 1] = value end
  end
  return packed(reply, #reply)
end

local function denied_by_lane(shape)
  for c, occupied in ipairs(shape.lanes) do
    local lane, limit = occupied.lane, occupied.limit
    if lane.live >= limit then
      write_lane(lane)
      local from = '(' .. int(now)
      local last = limit >= 1
        and call('ZRANGEBYSCORE', lane.key, from, '+inf', 'WITHSCORES', 'LIMIT', lane.live - limit, 1)
      return answer(3, now, c, last and tonumber(last[2]) or 0)
    end
  end
end

-- Until when the grace of a balance that has too little room lets everything through, and whether it begins with this
-- request; grace.ts explains.
local function grace_of(held, fitting, least)
  local fields = call('HMGET', held.balance.key, 'g', 'i')
  local started, started_for = string.match(fields[1] or '', '(.*)|(.*)')
  if not started or held.limit > tonumber(started_for) then
    if tonumber(fields[2] or 0) > held.limit or fitting >= least then return nil end
    return now + held.grace, true
  end
  local until_ms = tonumber(started) + held.grace
  return now < until_ms and until_ms or nil, false
end

-- The output cap comes down to the least headroom. Answers the cap, the end of the grace without which it would not fit,
-- and the balances whose grace begins; or nil and the position of the balance that fits least.
local function fit_balances(shape, N, asked, least)
  local cap, tightest, grace_until, graces = asked or math.huge, nil, nil, {}
  for h, held in ipairs(shape.balances) do
    local space, per = held.limit - held.balance.committed - held.balance.held - N[7 + h * 2], N[8 + h * 2]
    local fitting = space >= 0 and math.huge or -1
    if per > 0 then
      fitting = math.floor(space / per)
      if fitting * per > space then fitting = fitting - 1 end
    end
    if fitting < (asked or math.huge) then
      local until_ms, begins
      if held.grace > 0 then until_ms, begins = grace_of(held, fitting, least) end
      if until_ms then
        if begins then graces[#graces + 1] = held end
        grace_until = math.min(grace_until or until_ms, until_ms)
      elseif fitting < cap then cap, tightest = fitting, h end
    end
  end
  if tightest and cap < least then return nil, tightest end
  return cap, grace_until, graces
end

local function admit(shape, N, attempt_key, id, evidence)
  local attempt = attempt_of(attempt_key)
  if attempt and attempt[STATE] == WITHDRAWN then return answer(7, now) end
  if not attempt and (now < N[2] or now >= N[3]) then return answer(6, now) end
  local asked = N[4] ~= NONE and N[4] or nil
  if attempt then
    return admitted(shape, attempt[STATE] == THIN and asked and N[6] or attempt[CAP], attempt[GRACE_UNTIL])
  end
  if #shape.missing > 0 or #shape.unseeded > 0 then return unseeded(shape) end
  if head[7] == 1 then return told(shape) end
  for _, limited in ipairs(shape.slots) do
    if flag_of(limited) > 0 then
      local reply = { 2, now }
      tell_windows(shape, reply, N[8])
      return packed(reply, #reply)
    end
  end
  local denial = denied_by_lane(shape)
  if denial then return denial end
  local cap, grace_until, graces = fit_balances(shape, N, asked, N[5])
  if not cap then
    local tightest = shape.balances[grace_until].balance
    return answer(4, now, grace_until, tightest.committed, tightest.held)
  end

  for _, held in ipairs(graces) do call('HSET', held.balance.key, 'g', int(now) .. '|' .. int(held.limit)) end
  for _, limited in ipairs(shape.slots) do
    if limited.slot <= 3 then
      local at = limited.at + CURRENT
      limited.subject[at] = limited.subject[at] + 1
      limited.window.changed = true
    end
  end
  local until_ms = int(now + N[7])
  for _, occupied in ipairs(shape.lanes) do
    local lane = occupied.lane
    lane.live = lane.live + 1
    table.insert(lane.added, until_ms)
    table.insert(lane.added, id)
  end
  for h, held in ipairs(shape.balances) do
    local balance, amount = held.balance, N[7 + h * 2] + N[8 + h * 2] * (asked and cap or 0)
    balance.held = balance.held + amount
    table.insert(balance.holds, 'a:' .. id)
    table.insert(balance.holds, int(amount))
  end
  cap = asked and cap or false
  save_attempt(attempt_key, {
    LIVE, now, cap, evidence, shape.token_slots, shape.occupies, shape.charges, 0, 0, 0, 0, grace_until or false,
  })
  table.insert(lanes[leases].added, until_ms)
  table.insert(lanes[leases].added, id)
  return admitted(shape, cap, grace_until)
end

-- Nothing is denied because of the leases themselves, so they need not be counted.
lanes[leases] = { key = leases, live = 0, added = {} }
local shapes, last = {}, 2
for s = 1, head[6] do shapes[s], last = shape_of(numbers_of(ARGV[2 + s]), last) end
local replies = {}
for a = 1, #KEYS - last do
  local at = head[6] + a * 3
  local N = numbers_of(ARGV[at])
  replies[a] = admit(shapes[N[1]], N, KEYS[last + a], ARGV[at + 1], ARGV[at + 2])
end
for key, window in pairs(windows) do
  if window.changed then save_windows(key, window.subject, now) end
end
for _, lane in pairs(lanes) do write_lane(lane) end
for key, balance in pairs(balances) do
  if #balance.holds > 0 then
    call('HSET', key, 'h', int(balance.held), unpack(balance.holds))
    keep(key, now, balance.kept_at)
  end
end
return replies
