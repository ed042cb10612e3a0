-- Replaces the holds of attempts by what they used. Never refused; a second settlement replaces the first.
-- KEYS: epoch, leases, then the attempts.
-- ARGV: 1 now or '', 2 base, then per attempt its id, cost, tokens, requests, evidence or ''.
-- Returns 1. Of an attempt that is unknown only its amounts are remembered.

local now = now_ms(ARGV[1])
local base = ARGV[2]
local epoch = epoch_of(KEYS[1], now)

-- The attempts of one call share most of their balances and windows, so each of these is read and written once.
local balances, windows = {}, {}

local function balance_of(key)
  local balance = balances[key]
  if not balance then
    local fields = call('HMGET', key, 'e', 'c', 'h')
    balance = { seeded = epoch and fields[1] == epoch, committed = tonumber(fields[2] or 0), held = tonumber(fields[3] or 0) }
    balances[key] = balance
  end
  return balance
end

local function window_of(key)
  local window = windows[key]
  if window == nil then
    local packed = call('GET', key)
    window = packed and { subject = windows_of(packed, epoch), changed = false }
    windows[key] = window
  end
  return window
end

local function charge(attempt, id, first, cost, tokens, requests)
  for _, charged in ipairs(attempt[CHARGES]) do
    local key, metric = base .. 'b:' .. charged[1], charged[2]
    local balance = balance_of(key)
    local amount = amount_of(metric, cost, tokens, requests)
    local fields = call('HMGET', key, 'a:' .. id, 's:' .. id)
    if first then
      -- Without a hold the balance was seeded with the attempt's close, or is lost and will be seeded with it.
      if fields[1] then
        call('HDEL', key, 'a:' .. id)
        balance.held, balance.changed = balance.held - tonumber(fields[1]), true
        if balance.seeded then balance.committed = balance.committed + amount
        else note(key, id, amount, now) end
      end
    elseif fields[2] then
      note(key, id, amount, tonumber(string.match(fields[2], '|(.*)')))
    elseif balance.seeded then
      local before = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
      balance.committed, balance.changed = balance.committed + amount - before, true
    end
  end
end

local function count_tokens(attempt, more)
  for _, entry in ipairs(attempt[TOKENS_OF]) do
    local window = window_of(base .. 'w:' .. entry[1])
    for _, slot in ipairs(entry[2]) do
      if window and add_tokens(window.subject, slot, more, attempt[AT]) then window.changed = true end
    end
  end
end

local function settle(key, id, cost, tokens, requests, evidence)
  local attempt = attempt_of(key)
  local known = attempt ~= nil and attempt ~= false
  attempt = known and attempt or { WITHDRAWN, now, false, '', {}, {}, {}, 0, 0, 0, now }
  local first = attempt[STATE] == LIVE or attempt[STATE] == THIN
  charge(attempt, id, first, cost, tokens, requests)
  if tokens ~= attempt[TOKENS] then count_tokens(attempt, tokens - attempt[TOKENS]) end
  if first then
    for _, subject in ipairs(attempt[OCCUPIES]) do call('ZREM', base .. 'c:' .. subject, id) end
    if evidence == '' then call('ZREM', KEYS[2], id)
    else call('SET', evidence_key(base, id), evidence, 'PX', ATTEMPT_TTL) end
    attempt[STATE], attempt[EVIDENCE], attempt[OCCUPIES], attempt[ENDED_AT] = SETTLED, '', {}, now
  end
  attempt[COST], attempt[TOKENS], attempt[REQUESTS] = cost, tokens, requests
  save_attempt(key, attempt)
end

for a = 3, #KEYS do
  local at = 5 * a - 12
  settle(KEYS[a], ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4])
end
for key, balance in pairs(balances) do
  if balance.changed then
    call('HSET', key, 'h', int(balance.held))
    if balance.seeded then call('HSET', key, 'c', int(balance.committed)) end
  end
end
for key, window in pairs(windows) do
  if window and window.changed then save_windows(key, window.subject, now) end
end
return 1
