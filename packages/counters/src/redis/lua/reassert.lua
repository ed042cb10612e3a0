-- Puts an attempt back after a flush: hold, concurrency slots, token windows, evidence. Its request is not counted.
-- KEYS: epoch, leases.
-- ARGV: 1 now or '', 2 base, 3 id of the epoch to open where there is none, 4 attempt id, 5 admitted at, 6 output cap
--   or '', 7 lease, 8 evidence, 9 the chain's text, then per balance its counter, amount, metric.
-- Returns 1, or 0 where the attempt was known already.

begin(tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]))
local id, leases = ARGV[4], KEYS[2]
local until_ms = now + tonumber(ARGV[7])
read_epoch(KEYS[1], new_id)
local attempt = attempt_of(id)
local state = attempt and attempt[STATE]

local function was_closed(counter) return call('SISMEMBER', base .. 'k:' .. counter, id) == 1 end

-- Ended before it was re-asserted: counts on the balances that its settlement could not know. On a seeded one only
-- while the seed's closed attempts are remembered: later it cannot be told from a counted one.
if state == SETTLED or state == WITHDRAWN then
  for at = 10, #ARGV, 3 do
    local counter, metric = ARGV[at], tonumber(ARGV[at + 2])
    if not charge_to(attempt, counter) then
      local amount = amount_of(metric, attempt[COST], attempt[TOKENS], attempt[REQUESTS])
      local balance = balance_of(counter)
      if not is_seeded(balance) then note(counter, id, amount, attempt[ENDED_AT])
      elseif now < balance[CLOSED_UNTIL] and not was_closed(counter) then
        balance[COMMITTED], balance.changed = balance[COMMITTED] + amount, true
        balance[INHERITED] = balance[INHERITED] + amount
      end
      add_charge(attempt, counter, metric)
    end
  end
  save_balances()
  save_attempt(id, attempt)
  return 0
end
if state == LIVE then
  occupy(leases, attempt, id, until_ms)
  return 0
end

attempt = attempt or { LIVE, now, false, '', NO_CHAIN, 0, 0, 0, 0, false }
attempt[STATE], attempt[AT] = LIVE, math.min(now, tonumber(ARGV[5]))
local chain = chain_written(ARGV[9])
keep_chain(chain)
attempt[CAP], attempt[EVIDENCE], attempt[CHAIN] = tonumber(ARGV[6]) or false, ARGV[8], chain.id
for argument = 10, #ARGV, 3 do
  local counter, amount = ARGV[argument], tonumber(ARGV[argument + 1])
  local balance = balance_of(counter)
  local at = charge_to(attempt, counter) or add_charge(attempt, counter, tonumber(ARGV[argument + 2]))
  -- What the seed counted as closed must not be held again.
  if not was_closed(counter) and hold(attempt, at, balance, amount) then
    balance[INHERITED] = balance[INHERITED] + amount
  end
end
save_balances()
save_attempt(id, attempt)
occupy(leases, attempt, id, until_ms)
return 1
