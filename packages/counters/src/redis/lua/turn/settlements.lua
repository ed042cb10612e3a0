-- Part of turn.lua: settlements. Never refused; a second one replaces the first.

-- Tokens by chain and by the minute of the admission: what is counted in the same cells is added up first. (Days begin
-- at whole minutes.) Set by turn.lua, too.
local counted

local function count_tokens(chain_id, admitted_at, tokens)
  local chain = chain_of(chain_id)
  for n, key in ipairs(chain.windows) do
    local slots = chain.token_slots[n]
    if #slots > 0 then
      local row = windows_at(key)
      for _, slot in ipairs(slots) do add_tokens(row, slot, tokens, admitted_at) end
    end
  end
end

local function count_all_tokens()
  for chain_id, minutes in pairs(counted) do
    for minute, tokens in pairs(minutes) do count_tokens(chain_id, minute * MINUTE, tokens) end
  end
  counted = {}
end

local function use_tokens(attempt, more)
  if more < 0 then
    -- A count never falls below 0, so the order matters.
    count_all_tokens()
    return count_tokens(attempt[CHAIN], attempt[AT], more)
  end
  local chain_id, minute = attempt[CHAIN], math.floor(attempt[AT] / MINUTE)
  local minutes = counted[chain_id]
  if not minutes then
    minutes = {}
    counted[chain_id] = minutes
  end
  minutes[minute] = (minutes[minute] or 0) + more
end

-- Replaces a hold, or the amount of an earlier settlement.
local function charge(attempt, at, id, first, cost, tokens, requests)
  local counter, metric = attempt[at], attempt[at + 1]
  local balance, amount = balance_of(counter), amount_of(metric, cost, tokens, requests)
  if first then
    -- Without a hold the balance was seeded with the attempt's close, or is lost and will be seeded with it.
    if not release(attempt, at, balance) then return end
    if is_seeded(balance) then balance[COMMITTED] = balance[COMMITTED] + amount
    else note(counter, id, amount, now) end
  elseif is_seeded(balance) then
    local before = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
    balance[COMMITTED], balance.changed = balance[COMMITTED] + amount - before, true
  else
    local noted = call('HGET', notes_key(counter), id)
    if noted then note(counter, id, amount, tonumber(string.match(noted, '|(.*)'))) end
  end
end

-- Of an attempt that is unknown only its amounts are remembered.
local function settle(id, evidence, cost, tokens, requests)
  local attempt = attempt_of(id) or { WITHDRAWN, now, false, '', NO_CHAIN, 0, 0, 0, now, false }
  local first = attempt[STATE] == LIVE or attempt[STATE] == THIN
  for at = FIRST_CHARGE, #attempt, CHARGE do charge(attempt, at, id, first, cost, tokens, requests) end
  if tokens ~= attempt[TOKENS] then use_tokens(attempt, tokens - attempt[TOKENS]) end
  if first then
    for _, key in ipairs(chain_of(attempt[CHAIN]).lanes) do remove(lane_at(key), id) end
    if evidence == '' then remove(lane_at(leases), id)
    else call('SET', evidence_key(id), evidence, 'PX', ATTEMPT_TTL) end
    attempt[STATE], attempt[EVIDENCE], attempt[ENDED_AT] = SETTLED, '', now
  end
  attempt[COST], attempt[TOKENS], attempt[REQUESTS] = cost, tokens, requests
  save_attempt(id, attempt)
end
