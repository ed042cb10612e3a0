-- Part of turn.lua: admissions. Each reads everything, checks everything, then writes everything.

-- What admissions through one policy have in common, kept with their chain: its limited slots as lists (position of the
-- windows, slot, limit), which of them count requests, its limits of concurrency and its balances. `terms` is JSON:
-- [six limits per subject in the order of slots, ...], [limit of a lane, ...], [[counter, limit, metric, grace], ...].
local function outline_of(text, terms)
  local chain = chain_written(text)
  local outline = chain.outlines[terms]
  if outline then return outline end
  local decoded = cjson.decode(terms)
  outline = { chain = chain, places = {}, slots = {}, limits = {}, requests = {}, lanes = decoded[2], balances = {} }
  for at, limit in ipairs(decoded[1]) do
    if limit ~= NONE then
      local n, slot = #outline.slots + 1, (at - 1) % 6 + 1
      outline.places[n], outline.slots[n], outline.limits[n] = math.floor((at - 1) / 6) + 1, slot, limit
      if slot <= 3 then outline.requests[#outline.requests + 1] = n end
    end
  end
  for h, balance in ipairs(decoded[3]) do
    outline.balances[h] =
      { key = balance_key(balance[1]), counter = balance[1], limit = balance[2], metric = balance[3], grace = balance[4] }
  end
  count_chain()
  chain.outlines[terms] = outline
  return outline
end

-- The same for this call: the windows of each slot, brought to the present, lanes and balances.
local function shape_of(outline)
  local slots, places, keys = outline.slots, outline.places, outline.chain.windows
  local minute, hour = math.floor(now / MINUTE), math.floor(now / HOUR)
  local present = { minute, hour, day_start, minute, hour, day_start }
  local by_place, rows, missing = {}, {}, {}
  for place = 1, #keys do by_place[place] = windows_at(keys[place]) end
  for n = 1, #slots do
    local row, slot = by_place[places[n]], slots[n]
    rows[n] = row
    if row[CELL + slot] ~= present[slot] and not roll(row, slot, day_start, day_end) then missing[#missing + 1] = n end
  end
  local shape = { outline = outline, rows = rows, slots = slots, limits = outline.limits, missing = missing, count = 0 }
  shape.lanes, shape.balances, shape.unseeded = {}, {}, {}
  for c, limit in ipairs(outline.lanes) do shape.lanes[c] = { lane = lane_at(outline.chain.lanes[c]), limit = limit } end
  for h, terms in ipairs(outline.balances) do
    local balance = balance_at(terms.key)
    shape.balances[h] = { balance = balance, terms = terms }
    if not is_seeded(balance) then table.insert(shape.unseeded, h) end
  end
  return shape
end

local function is_cooling(row, slot, limit)
  local until_ms = row[COOL_UNTIL + slot]
  return until_ms and now < until_ms and limit <= row[COOL_LIMIT + slot]
end

-- Whether the windows of a shape let a request through behind so many others. What fits even if the cell before counted
-- in full need not be weighed.
local function lets_through(shape, others)
  local rows, slots, limits = shape.rows, shape.slots, shape.limits
  for n = 1, #slots do
    local row, slot, limit = rows[n], slots[n], limits[n]
    if row[CURRENT + slot] + row[PREVIOUS + slot] + others >= limit and not fits(row, slot, limit, others) then
      return false
    end
    if row[COOL_UNTIL + slot] and is_cooling(row, slot, limit) then return false end
  end
  return true
end

local function count_requests(shape, requests)
  local rows, slots = shape.rows, shape.slots
  for _, n in ipairs(shape.outline.requests) do
    local row, at = rows[n], CURRENT + slots[n]
    row[at], row.changed = row[at] + requests, true
  end
end

-- How the limited slots stand, four numbers each. Where they deny, those that do start or renew their cooldown.
local function tell_windows(shape, reply, cooldown)
  for n, slot in ipairs(shape.slots) do
    local row, limit = shape.rows[n], shape.limits[n]
    local flag = is_cooling(row, slot, limit) and 2 or fits(row, slot, limit, 0) and 0 or 1
    if flag > 0 and cooldown then cool(row, slot, limit, DAY_END[slot] and day_end or now + cooldown) end
    local length = #reply
    reply[length + 1], reply[length + 2] = row[CURRENT + slot], row[PREVIOUS + slot]
    reply[length + 3], reply[length + 4] = row[COOL_UNTIL + slot] or 0, flag
  end
end

-- What the call answers: rows of numbers, each behind its length. Set by turn.lua, too.
local answers, answered
local function answer_row(row, length)
  answers[answered + 1] = length
  for n = 1, length do answers[answered + 1 + n] = row[n] end
  answered = answered + 1 + length
end
local function answer(...) answer_row({ ... }, select('#', ...)) end
local function admitted(cap, grace_until, counted)
  local at = answered
  answers[at + 1], answers[at + 2], answers[at + 3] = 5, 1, now
  answers[at + 4], answers[at + 5], answers[at + 6] = cap or NONE, grace_until or NONE, counted
  answered = at + 6
end

local function unseeded(shape)
  local opens_in = #shape.unseeded > 0 and math.max(0, opened_at + quarantine - now) or 0
  local reply = { 5, now, epoch, opened_at, opens_in, #shape.missing }
  for _, position in ipairs(shape.missing) do reply[#reply + 1] = position end
  for _, position in ipairs(shape.unseeded) do reply[#reply + 1] = position end
  return answer_row(reply, #reply)
end

local function told(shape)
  local reply = { 8, now }
  tell_windows(shape, reply)
  for _, occupied in ipairs(shape.lanes) do reply[#reply + 1] = live_in(occupied.lane) end
  for _, held in ipairs(shape.balances) do
    local balance = held.balance
    for _, field in ipairs({ COMMITTED, HELD, INHERITED, GRACE_AT, GRACE_LIMIT }) do reply[#reply + 1] = balance[field] end
  end
  return answer_row(reply, #reply)
end

-- True where it has answered that there is no room.
local function denied_by_lane(shape)
  for c, occupied in ipairs(shape.lanes) do
    local lane, limit = occupied.lane, occupied.limit
    local live = live_in(lane)
    if live >= limit then
      write_lane(lane)
      local from = '(' .. int(now)
      local last = limit >= 1 and call('ZRANGEBYSCORE', lane.key, from, '+inf', 'WITHSCORES', 'LIMIT', live - limit, 1)
      answer(3, now, c, last and tonumber(last[2]) or 0)
      return true
    end
  end
end

-- Until when the grace of a balance that has too little room lets everything through, and whether it begins with this
-- request; grace.ts explains.
local function grace_of(held, fitting, least)
  local balance, limit, grace = held.balance, held.terms.limit, held.terms.grace
  if balance[GRACE_AT] == NONE or limit > balance[GRACE_LIMIT] then
    if balance[INHERITED] > limit or fitting >= least then return nil end
    return now + grace, true
  end
  local until_ms = balance[GRACE_AT] + grace
  return now < until_ms and until_ms or nil, false
end

-- The output cap comes down to the least headroom. Answers the cap, the end of the grace without which it would not fit,
-- and the balances whose grace begins; or nil and the position of the balance that fits least. The terms of the first
-- balance are behind A[at].
local function fit_balances(shape, A, at, asked, least)
  local cap, tightest, grace_until, graces = asked or math.huge, nil, nil, nil
  for h, held in ipairs(shape.balances) do
    local balance, per = held.balance, A[at + 2]
    local space = held.terms.limit - balance[COMMITTED] - balance[HELD] - A[at + 1]
    local fitting = space >= 0 and math.huge or -1
    if per > 0 then
      fitting = math.floor(space / per)
      if fitting * per > space then fitting = fitting - 1 end
    end
    if fitting < (asked or math.huge) then
      local until_ms, begins
      if held.terms.grace > 0 then until_ms, begins = grace_of(held, fitting, least) end
      if until_ms then
        if begins then
          graces = graces or {}
          graces[#graces + 1] = held
        end
        grace_until = math.min(grace_until or until_ms, until_ms)
      elseif fitting < cap then cap, tightest = fitting, h end
    end
    at = at + 2
  end
  if tightest and cap < least then return nil, tightest end
  return cap, grace_until, graces
end

-- When a lease ends, which is the same for most. Set by turn.lua.
local untils
local function until_text(lease)
  local text = untils[lease]
  if not text then
    text = int(now + lease)
    untils[lease] = text
  end
  return text
end

-- `passes` where the windows are known to let it through; its request is counted with those of its shape then.
local function admit(shape, A, at, id, evidence, passes)
  local attempt = attempt_of(id)
  if attempt and attempt[STATE] == WITHDRAWN then return answer(7, now) end
  if not attempt and (now < A[at + 1] or now >= A[at + 2]) then return answer(6, now) end
  local asked = A[at + 3] ~= NONE and A[at + 3] or nil
  if attempt then
    return admitted(attempt[STATE] == THIN and asked and A[at + 5] or attempt[CAP], attempt[GRACE_UNTIL], 0)
  end
  if #shape.missing > 0 or #shape.unseeded > 0 then return unseeded(shape) end
  if tells then return told(shape) end
  if not passes and not lets_through(shape, 0) then
    local reply = { 2, now }
    tell_windows(shape, reply, A[at + 7])
    return answer_row(reply, #reply)
  end
  if denied_by_lane(shape) then return end
  local cap, grace_until, graces = fit_balances(shape, A, at + 7, asked, A[at + 4])
  if not cap then
    local tightest = shape.balances[grace_until].balance
    return answer(4, now, grace_until, tightest[COMMITTED], tightest[HELD])
  end

  if graces then
    for _, held in ipairs(graces) do
      held.balance[GRACE_AT], held.balance[GRACE_LIMIT], held.balance.changed = now, held.terms.limit, true
    end
  end
  if passes then shape.count = shape.count + 1 else count_requests(shape, 1) end
  local until_ms = until_text(A[at + 6])
  for _, occupied in ipairs(shape.lanes) do
    occupied.lane.live = occupied.lane.live + 1
    add(occupied.lane, until_ms, id)
  end
  add(lane_at(leases), until_ms, id)
  local terms = at + 7
  cap = asked and cap or false
  attempt = { LIVE, now, cap, evidence, shape.outline.chain.id, 0, 0, 0, 0, grace_until or false }
  local charge = FIRST_CHARGE
  for _, held in ipairs(shape.balances) do
    attempt[charge], attempt[charge + 1], attempt[charge + 2], attempt[charge + 3] = held.terms.counter, held.terms.metric, 0, 0
    hold(attempt, charge, held.balance, math.min(A[terms + 1] + A[terms + 2] * (cap or 0), MAX_AMOUNT))
    charge, terms = charge + CHARGE, terms + 2
  end
  save_attempt(id, attempt)
  shape.is_named = true
  return admitted(cap, grace_until, 1)
end
