-- What every script of the counter store shares; put before each of them. Needs no KEYS of its own.
-- Numbers are doubles, exact below 2^53; they leave as integers or through int(), never through tostring().
-- Keys are given, or derived from `base` = <prefix>:{<organization>}: and so within the same hash slot.

local call = redis.call
local int = function(number) return string.format('%.0f', number) end

local MINUTE, HOUR, DAY = 60000, 3600000, 86400000
-- Windows idle for a day and a business day are read from Postgres again; an epoch outlives all it vouches for.
local WINDOW_TTL, ATTEMPT_TTL, BALANCE_TTL, LEASES_TTL, EPOCH_TTL = 2 * DAY, 7 * DAY, 7 * DAY, 7 * DAY, 8 * DAY
-- A settled attempt is remembered for ten minutes, so that a second settlement can replace the first.
local SETTLED_TTL = 600000

-- Attempt states, and the fields of an attempt's record (a packed array).
local LIVE, THIN, SETTLED, WITHDRAWN = 1, 2, 3, 4
local STATE, AT, CAP, EVIDENCE, TOKENS_OF, OCCUPIES, CHARGES, COST, TOKENS, REQUESTS = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local ENDED_AT, GRACE_UNTIL = 11, 12

-- A subject's windows are one string of doubles: the epoch, then six fields for each of six slots, in the order
-- requests per minute, hour, day, tokens per minute, hour, day; and when its expiry was put off last.
local LENGTH = { MINUTE, HOUR, 1, MINUTE, HOUR, 1 }
local CELL, CURRENT, PREVIOUS, DAY_END, COOL_UNTIL, COOL_LIMIT = 1, 2, 3, 4, 5, 6
local SUBJECT, KEPT_AT = '<' .. string.rep('d', 38), 38
local UNSEEDED = -1

-- Metrics of balances, and what stands for a number that is not given.
local COST_METRIC, TOKEN_METRIC = 1, 2
local NONE = -1

local function server_now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function now_ms(given) return given == '' and server_now() or tonumber(given) end

local function is_day(slot) return slot == 3 or slot == 6 end
local function offset_of(slot) return 1 + (slot - 1) * 6 end

-- The id of the running epoch and the time it was opened. Where there is none, opens the one that `new_id` names.
-- Its expiry is put off once an hour, which is often enough for one of days.
local function epoch_of(key, now, new_id)
  local text = call('GET', key)
  local id, opened_at, renewed_at = new_id, now, 0
  if text then
    id, opened_at, renewed_at = string.match(text, '(.*)|(.*)|(.*)')
    opened_at = tonumber(opened_at)
  end
  if id and now - tonumber(renewed_at) > HOUR then
    call('SET', key, id .. '|' .. int(opened_at) .. '|' .. int(now), 'PX', EPOCH_TTL)
  end
  return id, opened_at
end

-- The windows of a subject; new where there are none of this epoch.
local function windows_of(packed, epoch)
  local number = tonumber(epoch)
  local subject = packed and { struct.unpack(SUBJECT, packed) }
  if subject and subject[1] == number then return subject end
  subject = { number or NONE }
  for slot = 1, 6 do
    local at = offset_of(slot)
    subject[at + CELL] = UNSEEDED
    for field = CURRENT, COOL_LIMIT do subject[at + field] = 0 end
  end
  subject[KEPT_AT] = 0
  return subject
end

local function save_windows(key, subject, now)
  if now - subject[KEPT_AT] > HOUR then
    subject[KEPT_AT] = now
    call('SET', key, struct.pack(SUBJECT, unpack(subject, 1, KEPT_AT)), 'PX', WINDOW_TTL)
  else
    call('SET', key, struct.pack(SUBJECT, unpack(subject, 1, KEPT_AT)), 'KEEPTTL')
  end
end

-- Brings a slot to the present. False where it cannot say what the present cell holds: never seeded, or a day that
-- overlaps the caller's without being the same. A clock that was set back waits in the newest cell.
local function roll(subject, slot, now, day_start, day_end)
  local at = offset_of(slot)
  local cell = subject[at + CELL]
  if cell == UNSEEDED then return false end
  if is_day(slot) then
    if day_start == cell then return true end
    if day_start < subject[at + DAY_END] then return false end
    subject[at + CELL], subject[at + CURRENT], subject[at + DAY_END] = day_start, 0, day_end
    return true
  end
  local present = math.floor(now / LENGTH[slot])
  if present <= cell then return true end
  subject[at + PREVIOUS] = present == cell + 1 and subject[at + CURRENT] or 0
  subject[at + CURRENT], subject[at + CELL] = 0, present
  return true
end

-- The same arithmetic as window-math.ts, whose comments explain it.
local function fits(subject, slot, limit, now)
  local at, length = offset_of(slot), LENGTH[slot]
  local current, previous, elapsed = subject[at + CURRENT], 0, 0
  if not is_day(slot) then
    previous, elapsed = subject[at + PREVIOUS], math.max(0, now - subject[at + CELL] * length)
  end
  local room = slot > 3 and (limit - current) * length - 1 or (limit - 1 - current) * length
  return previous * (length - elapsed) <= room
end

local function add_tokens(subject, slot, tokens, admitted_at)
  local at = offset_of(slot)
  local cell, field = subject[at + CELL], nil
  if cell == UNSEEDED then return false end
  if is_day(slot) then
    if admitted_at >= cell and admitted_at < subject[at + DAY_END] then field = CURRENT end
  else
    local admitted = math.floor(admitted_at / LENGTH[slot])
    field = admitted == cell and CURRENT or admitted == cell - 1 and PREVIOUS or nil
  end
  if not field then return false end
  subject[at + field] = math.max(0, subject[at + field] + tokens)
  return true
end

local function attempt_of(key)
  local packed = call('GET', key)
  return packed and cmsgpack.unpack(packed)
end

local function save_attempt(key, attempt)
  local ended = attempt[STATE] == SETTLED or attempt[STATE] == WITHDRAWN
  call('SET', key, cmsgpack.pack(attempt), 'PX', ended and SETTLED_TTL or ATTEMPT_TTL)
end

-- Where the evidence of a settlement is kept until its close is durable; the record of the attempt may expire before.
local function evidence_key(base, id) return base .. 'v:' .. id end

-- What a settlement means in the unit of a balance.
local function amount_of(metric, cost, tokens, requests)
  return metric == COST_METRIC and cost or metric == TOKEN_METRIC and tokens or requests
end

-- A balance is a hash: e epoch in which it was seeded, c committed, h held (the sum), a:<attempt> each hold,
-- i what was committed and held before it was seeded, g when its grace began and for which limit ("time|limit"),
-- s:<attempt> what an attempt has used that ended while the balance was unseeded ("amount|time"), k until when the
-- seed's closed attempts are remembered in the set k:<balance>, x when its expiry was put off last.
local function keep(key, now, kept_at)
  if now - tonumber(kept_at or 0) <= HOUR then return end
  call('HSET', key, 'x', int(now))
  call('PEXPIRE', key, BALANCE_TTL)
end

local function note(key, id, amount, ended_at)
  call('HSET', key, 's:' .. id, int(amount) .. '|' .. int(ended_at))
  call('PEXPIRE', key, BALANCE_TTL)
end

local function hold(key, id, held, amount)
  call('HSET', key, 'h', int(held + amount), 'a:' .. id, int(amount))
end

-- Adds to what a balance has from before it was seeded; what comes before the seed itself is replaced by it.
local function inherit(key, amount)
  call('HSET', key, 'i', int(tonumber(call('HGET', key, 'i') or 0) + amount))
end

local function release(key, id, held, amount)
  call('HSET', key, 'h', int(held - amount))
  call('HDEL', key, 'a:' .. id)
end

-- Occupies the concurrency slots of an attempt and keeps its lease where the sweeper looks.
local function occupy(base, leases, attempt, id, until_ms)
  for _, subject in ipairs(attempt[OCCUPIES]) do
    local key = base .. 'c:' .. subject
    call('ZADD', key, int(until_ms), id)
    call('PEXPIRE', key, LEASES_TTL)
  end
  call('ZADD', leases, int(until_ms), id)
  call('PEXPIRE', leases, LEASES_TTL)
end
