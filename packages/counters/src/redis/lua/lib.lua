-- What the functions of the counter store share; the beginning of their library. Needs no KEYS of its own.
-- The library is loaded once, so what stands here outlives a call: whatever belongs to one call is made anew by begin().
-- Numbers are doubles, exact below 2^53; they leave as integers, as rows of doubles or through int(), never through
-- tostring(). Keys are given, or derived from `base` and so within the same hash slot.

local int = function(number) return string.format('%.0f', number) end

local MINUTE, HOUR = 60000, 3600000
-- As texts, because a number that a command is given is formatted each time. Windows idle for a day and a business day are
-- read from Postgres again (two days); attempts, balances and leases live for seven days; an epoch outlives all it vouches
-- for (eight), and a chain all that name it.
local WINDOW_TTL, ATTEMPT_TTL, BALANCE_TTL, LEASES_TTL, EPOCH_TTL, CHAIN_TTL =
  '172800000', '604800000', '604800000', '604800000', '691200000', '691200000'
-- A settled attempt is remembered for ten minutes, so that a second settlement can replace the first.
local SETTLED_TTL = '600000'

-- What stands for a number that is not given.
local NONE = -1
-- A hold too large to be counted exactly holds all there is, as attempt-request.ts says.
local MAX_AMOUNT = 9007199254740991

-- There is none while the library is loaded.
local call
-- The moment of the call, what keys are derived from, and an id that was never used before.
local now, base, new_id
-- The id of the running epoch, nil where there is none, and when it began.
local epoch, opened_at
-- What the call has read, by key: texts (false where there is none), rows of windows and balances; and attempts by id.
local texts, windows, balances, attempts

local function server_now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Every function begins with it. `at` is nil for the server's time.
local function begin(at, keys_from, unused_id)
  call = redis.call
  now, base, new_id = at or server_now(), keys_from, unused_id
  texts, windows, balances, attempts = {}, {}, {}, {}
end

-- Many numbers as one text, little-endian.
local formats = {}
local function format_of(length)
  local format = formats[length]
  if not format then
    format = '<' .. string.rep('d', length)
    -- Longer ones are seldom asked for twice.
    if length <= 256 then formats[length] = format end
  end
  return format
end
local function numbers_of(text)
  local length = #text / 8
  local numbers = { struct.unpack(format_of(length), text) }
  -- Behind the numbers it answers where it stopped.
  numbers[length + 1] = nil
  return numbers
end
local function packed(numbers, length) return struct.pack(format_of(length), unpack(numbers, 1, length)) end
-- However many they are: a function takes some thousands of arguments.
local ARGUMENTS_MAX = 2000
local function packed_all(numbers, length)
  if length <= ARGUMENTS_MAX then return packed(numbers, length) end
  local texts = {}
  for from = 1, length, ARGUMENTS_MAX do
    local till = math.min(from + ARGUMENTS_MAX - 1, length)
    texts[#texts + 1] = struct.pack(format_of(till - from + 1), unpack(numbers, from, till))
  end
  return table.concat(texts)
end

-- Reads what is needed in one command.
local function load(keys)
  if #keys == 0 then return end
  local found = call('MGET', unpack(keys))
  for n, key in ipairs(keys) do texts[key] = found[n] end
end
local function text_of(key)
  local text = texts[key]
  if text == nil then
    text = call('GET', key)
    texts[key] = text
  end
  return text
end

-- Reads which epoch it is. Where there is none, begins the one that `opens` names. Its expiry is put off once an hour,
-- which is often enough for one of days.
local function read_epoch(key, opens)
  local text = text_of(key)
  local id, renewed_at = opens, 0
  opened_at = now
  if text then
    local began
    id, began, renewed_at = string.match(text, '([^|]*)|([^|]*)|(.*)')
    id, opened_at = tonumber(id), tonumber(began)
  end
  if id and now - tonumber(renewed_at) > HOUR then
    call('SET', key, int(id) .. '|' .. int(opened_at) .. '|' .. int(now), 'PX', EPOCH_TTL)
  end
  epoch = id
end

-- ROWS

-- Windows and balances are rows of numbers. The latest are kept from call to call, so many at most, because reading one is
-- dearer than seeing that its text is still what was written: `text` is what the row says unless it is `changed`.
local ROWS_MAX = 4000
local kept_rows, kept_count = {}, 0

local function row_at(key, text)
  local row = kept_rows[key]
  if row and row.text == text and not row.changed then return row end
  row = numbers_of(text)
  row.key, row.text = key, text
  return row
end

-- Rows live for days, and have their expiry put off once an hour.
local function save_row(row, kept_at, length, ttl)
  local renews = now - row[kept_at] > HOUR
  if renews then row[kept_at] = now end
  local key, text = row.key, packed(row, length)
  if renews then call('SET', key, text, 'PX', ttl) else call('SET', key, text, 'KEEPTTL') end
  -- What is longer than its text has more to say than that.
  row.text, row.changed = row[length + 1] == nil and text or nil, false
  if kept_rows[key] == nil then
    if kept_count >= ROWS_MAX then kept_rows, kept_count = {}, 0 end
    kept_count = kept_count + 1
  end
  kept_rows[key] = row
end

-- WINDOWS

-- The windows of a subject are one row: the epoch, then cell, current and previous count of each of six slots (requests
-- per minute, hour, day, tokens per minute, hour, day), the ends of both days, when its expiry was put off last; and only
-- where one of them cools, until when and for which limit each does.
local LENGTH = { MINUTE, HOUR, 1, MINUTE, HOUR, 1 }
local CELL, CURRENT, PREVIOUS, COOL_UNTIL, COOL_LIMIT = 1, 7, 13, 22, 28
local DAY_END = { [3] = 20, [6] = 21 }
local WINDOWS_KEPT_AT, WINDOWS_SIZE, COOLING_SIZE = 22, 22, 34
local UNSEEDED = -1

local function windows_key(subject) return base .. 'w:' .. subject end

-- The windows at a key; new where there are none of this epoch.
local function windows_at(key)
  local row = windows[key]
  if row then return row end
  local text = text_of(key)
  if text then row = row_at(key, text) end
  if not row or row[1] ~= epoch then
    row = { key = key, epoch or NONE }
    for slot = 1, 6 do row[CELL + slot] = UNSEEDED end
    for field = CURRENT + 1, WINDOWS_SIZE do row[field] = 0 end
  end
  windows[key] = row
  return row
end

-- A cooldown that is over need not be remembered.
local function cools(row)
  for slot = 1, row[COOL_UNTIL + 1] and 6 or 0 do
    if now < row[COOL_UNTIL + slot] then return true end
  end
  return false
end

local function cool(row, slot, limit, until_ms)
  if not row[COOL_UNTIL + 1] then
    for field = COOL_UNTIL + 1, COOLING_SIZE do row[field] = 0 end
  end
  local is_cooling = now < row[COOL_UNTIL + slot]
  row[COOL_LIMIT + slot] = is_cooling and math.max(row[COOL_LIMIT + slot], limit) or limit
  row[COOL_UNTIL + slot] = until_ms
  row.changed = true
end

-- Brings a slot to the present. False where it cannot say what the present cell holds: never seeded, or a day that
-- overlaps the caller's without being the same. A clock that was set back waits in the newest cell. The row is saved even
-- where nothing is counted in it yet: tokens of an admission come later, and only into a cell that is there.
local function roll(row, slot, day_start, day_end)
  local cell = row[CELL + slot]
  if cell == UNSEEDED then return false end
  local end_at = DAY_END[slot]
  if end_at then
    if day_start == cell then return true end
    if day_start < row[end_at] then return false end
    row.changed = true
    row[CELL + slot], row[CURRENT + slot], row[end_at] = day_start, 0, day_end
    return true
  end
  local present = math.floor(now / LENGTH[slot])
  if present <= cell then return true end
  row.changed = true
  row[PREVIOUS + slot] = present == cell + 1 and row[CURRENT + slot] or 0
  row[CURRENT + slot], row[CELL + slot] = 0, present
  return true
end

-- Whether a request fits behind so many others. The same arithmetic as window-math.ts, whose comments explain it.
local function fits(row, slot, limit, others)
  local length = LENGTH[slot]
  local current, weighted = row[CURRENT + slot], 0
  if length > 1 then
    weighted = row[PREVIOUS + slot] * (length - math.max(0, now - row[CELL + slot] * length))
  end
  if slot > 3 then return weighted <= (limit - current) * length - 1 end
  return weighted <= (limit - 1 - current - others) * length
end

local function add_tokens(row, slot, tokens, admitted_at)
  local cell, field = row[CELL + slot], nil
  if cell == UNSEEDED then return end
  if DAY_END[slot] then
    if admitted_at >= cell and admitted_at < row[DAY_END[slot]] then field = CURRENT end
  else
    local admitted = math.floor(admitted_at / LENGTH[slot])
    field = admitted == cell and CURRENT or admitted == cell - 1 and PREVIOUS or nil
  end
  if not field then return end
  row[field + slot] = math.max(0, row[field + slot] + tokens)
  row.changed = true
end

local function save_windows()
  for _, row in pairs(windows) do
    if row.changed then save_row(row, WINDOWS_KEPT_AT, cools(row) and COOLING_SIZE or WINDOWS_SIZE, WINDOW_TTL) end
  end
end

-- BALANCES

-- A balance is one row: the epoch in which it was seeded, its generation, what is committed and held, what was committed
-- and held before it was seeded, when its grace began and for which limit, until when the seed's closed attempts are
-- remembered (in the set k:<counter>), when its expiry was put off last. What an attempt holds of it is with the attempt,
-- together with the generation: a balance that was lost and made anew has another, and so does not hold it.
local EPOCH, GENERATION, COMMITTED, HELD, INHERITED, GRACE_AT, GRACE_LIMIT, CLOSED_UNTIL = 1, 2, 3, 4, 5, 6, 7, 8
local BALANCE_KEPT_AT, BALANCE_SIZE = 9, 9
-- Metrics of balances.
local COST_METRIC, TOKEN_METRIC = 1, 2

local function balance_key(counter) return base .. 'b:' .. counter end

local function balance_at(key)
  local row = balances[key]
  if row then return row end
  local text = text_of(key)
  row = text and row_at(key, text) or { key = key, NONE, new_id, 0, 0, 0, NONE, NONE, 0, 0 }
  balances[key] = row
  return row
end

local function balance_of(counter) return balance_at(balance_key(counter)) end

local function is_seeded(balance) return balance[EPOCH] == epoch end

local function save_balances()
  for _, row in pairs(balances) do
    if row.changed then save_row(row, BALANCE_KEPT_AT, BALANCE_SIZE, BALANCE_TTL) end
  end
end

-- What attempts have used that ended while the balance was unseeded: a hash of "amount|time" by attempt.
local function notes_key(counter) return base .. 'n:' .. counter end

local function note(counter, id, amount, ended_at)
  local key = notes_key(counter)
  call('HSET', key, id, int(amount) .. '|' .. int(ended_at))
  call('PEXPIRE', key, BALANCE_TTL)
end

-- What a settlement means in the unit of a balance.
local function amount_of(metric, cost, tokens, requests)
  return metric == COST_METRIC and cost or metric == TOKEN_METRIC and tokens or requests
end

-- CHAINS

-- A chain is whom attempts through one policy to one model are counted for: JSON of [[subject of windows, [its slots of
-- tokens]], ...], [subject whose slots of concurrency it occupies, ...]. Most attempts have the same, so their records name
-- it by an id, which its text hashes to.
local NO_CHAIN = ''
local function chain_key(id) return base .. 'h:' .. id end
local function concurrency_key(subject) return base .. 'c:' .. subject end

-- As keys, and kept from call to call, by text and by id, with what turn/admissions.lua keeps of each; so many of both
-- together.
local CHAINS_MAX = 4000
local chains, chain_count = {}, 0
local function count_chain()
  if chain_count >= CHAINS_MAX then chains, chain_count = {}, 0 end
  chain_count = chain_count + 1
end
local function read_chain(id, text)
  local decoded = cjson.decode(text)
  local chain = { id = id, text = text, key = chain_key(id), kept_at = 0, outlines = {} }
  chain.windows, chain.token_slots, chain.lanes = {}, {}, {}
  for n, entry in ipairs(decoded[1]) do chain.windows[n], chain.token_slots[n] = windows_key(entry[1]), entry[2] end
  for n, subject in ipairs(decoded[2]) do chain.lanes[n] = concurrency_key(subject) end
  count_chain()
  chains[base] = chains[base] or {}
  chains[base][text], chains[base][id] = chain, chain
  return chain
end
local function chain_written(text)
  local of_base = chains[base]
  return of_base and of_base[text] or read_chain(string.sub(redis.sha1hex(text), 1, 20), text)
end
-- One that nobody knows any more counts for nobody.
local function chain_of(id)
  local of_base = chains[base]
  local chain = of_base and of_base[id]
  if chain then return chain end
  local text = id ~= NO_CHAIN and text_of(chain_key(id))
  return text and read_chain(id, text) or { windows = {}, token_slots = {}, lanes = {} }
end

-- In the call in which an attempt names it. Whether it is still there is asked each time, because what is kept here
-- outlives a flush. Its expiry is put off once an hour.
local function keep_chain(chain)
  if now - chain.kept_at <= HOUR and call('EXISTS', chain.key) == 1 then return end
  call('SET', chain.key, chain.text, 'PX', CHAIN_TTL)
  chain.kept_at = now
end

-- ATTEMPTS

-- Attempt states, and the fields of an attempt's record (a packed array). Whom it is counted for is said by the id of a
-- chain.
local LIVE, THIN, SETTLED, WITHDRAWN = 1, 2, 3, 4
local STATE, AT, CAP, EVIDENCE, CHAIN, COST, TOKENS, REQUESTS, ENDED_AT, GRACE_UNTIL = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
-- After them four fields per balance that it is charged to: counter, metric, what it holds, and the generation of the
-- balance that holds it (0 where none does).
local FIRST_CHARGE, CHARGE = 11, 4

local function attempt_key(id) return base .. 'a:' .. id end

local function attempt_of(id)
  local attempt = attempts[id]
  if attempt == nil then
    local text = text_of(attempt_key(id))
    attempt = text and cmsgpack.unpack(text)
    attempts[id] = attempt
  end
  return attempt
end

local function save_attempt(id, attempt)
  attempts[id] = attempt
  local ended = attempt[STATE] == SETTLED or attempt[STATE] == WITHDRAWN
  call('SET', attempt_key(id), cmsgpack.pack(attempt), 'PX', ended and SETTLED_TTL or ATTEMPT_TTL)
end

-- Where the charge to a balance begins in a record; nil where there is none.
local function charge_to(attempt, counter)
  for at = FIRST_CHARGE, #attempt, CHARGE do
    if attempt[at] == counter then return at end
  end
end

local function add_charge(attempt, counter, metric)
  local at = #attempt + 1
  attempt[at], attempt[at + 1], attempt[at + 2], attempt[at + 3] = counter, metric, 0, 0
  return at
end

-- Holds an amount of the balance of the charge at `at`, unless it does already.
local function hold(attempt, at, balance, amount)
  if attempt[at + 3] == balance[GENERATION] then return false end
  balance[HELD], balance.changed = balance[HELD] + amount, true
  attempt[at + 2], attempt[at + 3] = amount, balance[GENERATION]
  return true
end

-- False where the balance does not hold it.
local function release(attempt, at, balance)
  if attempt[at + 3] ~= balance[GENERATION] then return false end
  balance[HELD], balance.changed = balance[HELD] - attempt[at + 2], true
  attempt[at + 3] = 0
  return true
end

-- Where the evidence of a settlement is kept until its close is durable; the record of the attempt may expire before.
local function evidence_key(id) return base .. 'v:' .. id end

-- Occupies the concurrency slots of an attempt and keeps its lease where the sweeper looks.
local function occupy(leases, attempt, id, until_ms)
  for _, key in ipairs(chain_of(attempt[CHAIN]).lanes) do
    call('ZADD', key, int(until_ms), id)
    call('PEXPIRE', key, LEASES_TTL)
  end
  call('ZADD', leases, int(until_ms), id)
  call('PEXPIRE', leases, LEASES_TTL)
end
