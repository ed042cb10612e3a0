-- What one turn of a proxy asks of one organization: settlements, which make room first; admissions over their whole
-- chains, one after the other; conclusions. Each is atomic: it reads everything, checks everything, then writes
-- everything. What they share (windows, balances, lanes of concurrency) is read and written once per call, and admissions
-- that ask for the same windows, lanes and balances have one shape.
-- KEYS: epoch, leases.
-- ARGV: numbers, base, then per settlement its attempt and evidence or '', per shape the text of its chain and its terms (see
--   outline_of), per admission its attempt and evidence, then the attempts to conclude.
-- Numbers are doubles, -1 where none is given:
--   first: now, seed quarantine, an id that was never used before, day start/end, counts of settlements, shapes and
--     admissions, whether only to tell how everything stands (1) or to admit (0)
--   per settlement: cost, tokens, requests
--   per admission: position of its shape, valid from/until, output cap, least cap, cap of a thin attempt, lease, cooldown, then
--     per balance fixed, per output token
-- Returns doubles: a row per admission and then one per shape, each behind its length. A shape's is current and previous of
-- every limited slot after the call. An admission's is {status, now, ...}:
--   1 admitted: cap or -1, end of the grace that let it in or -1, whether it was counted (1) or known before (0)
--   2 window denied: per limited slot current, previous, cooling until, flag (0 lets through, 1 full, 2 cooling)
--   3 concurrency denied: position, when a slot is free at the latest (0 = never)
--   4 balance denied: position, committed, held
--   5 unseeded: epoch, opened at, ms until balances may be seeded, count of windows, their positions, positions of balances
--   6 stale   7 withdrawn
--   8 told: per limited slot as 2, per lane the count of live leases, per balance committed, held, inherited, when its
--     grace began and for which limit (-1 each where it has not)

local N = numbers_of(ARGV[1])
begin(N[1] ~= NONE and N[1] or nil, ARGV[2], N[3])
leases, quarantine, day_start, day_end, tells = KEYS[2], N[2], N[4], N[5], N[9] == 1
lanes, counted, untils, answers, answered = {}, {}, {}, {}, 0
local SETTLEMENTS, SHAPES, ADMISSIONS = N[6], N[7], N[8]

-- The closes of these attempts are durable: their evidence and their leases are needed no longer.
local function conclude(first)
  local concluded, evidence = lane_at(leases), {}
  for position = first, #ARGV do evidence[#evidence + 1] = evidence_key(ARGV[position]) end
  -- Nearly always all of them have left some.
  local have_all = #evidence > 1 and call('EXISTS', unpack(evidence)) == #evidence
  if have_all then call('UNLINK', unpack(evidence)) end
  for n, key in ipairs(evidence) do
    if have_all or call('UNLINK', key) == 1 then remove(concluded, ARGV[first + n - 1]) end
  end
end

local settled_from = 3
local shapes_from = settled_from + 2 * SETTLEMENTS
local admitted_from = shapes_from + 2 * SHAPES
local outlines, keys = {}, { KEYS[1] }

-- What is known to be needed is read in one command.
for n = 0, SETTLEMENTS - 1 do keys[n + 2] = attempt_key(ARGV[settled_from + 2 * n]) end
for s = 1, SHAPES do
  local from = shapes_from + 2 * (s - 1)
  local outline = outline_of(ARGV[from], ARGV[from + 1])
  outlines[s] = outline
  for _, key in ipairs(outline.chain.windows) do keys[#keys + 1] = key end
  for _, terms in ipairs(outline.balances) do keys[#keys + 1] = terms.key end
end
for n = 0, ADMISSIONS - 1 do keys[#keys + 1] = attempt_key(ARGV[admitted_from + 2 * n]) end
load(keys)
read_epoch(KEYS[1], ADMISSIONS > 0 and new_id or nil)

-- And what settlements are charged to, where no admission of the call is.
keys = {}
local asked = {}
local function ask(key)
  if texts[key] == nil and not asked[key] then
    asked[key] = true
    keys[#keys + 1] = key
  end
end
for n = 0, SETTLEMENTS - 1 do
  local attempt = attempt_of(ARGV[settled_from + 2 * n])
  for at = FIRST_CHARGE, attempt and #attempt or 0, CHARGE do ask(balance_key(attempt[at])) end
  if attempt and not asked[attempt[CHAIN]] then
    asked[attempt[CHAIN]] = true
    local chain = chain_of(attempt[CHAIN])
    for place, key in ipairs(chain.windows) do
      if #chain.token_slots[place] > 0 then ask(key) end
    end
  end
end
load(keys)

local at = 9
for n = 0, SETTLEMENTS - 1 do
  local argument = settled_from + 2 * n
  settle(ARGV[argument], ARGV[argument + 1], N[at + 1], N[at + 2], N[at + 3])
  at = at + 3
end
count_all_tokens()

local shapes, passes = {}, not tells
for s = 1, SHAPES do
  shapes[s] = shape_of(outlines[s])
  -- What lets all of them through, whatever their shapes, need not be asked for each.
  passes = passes and lets_through(shapes[s], ADMISSIONS - 1)
end
for n = 0, ADMISSIONS - 1 do
  local shape, argument = shapes[N[at + 1]], admitted_from + 2 * n
  admit(shape, N, at + 1, ARGV[argument], ARGV[argument + 1], passes)
  at = at + 8 + 2 * #shape.balances
end
for _, shape in ipairs(shapes) do
  if shape.count > 0 then count_requests(shape, shape.count) end
end

conclude(admitted_from + 2 * ADMISSIONS)
write_lanes()
save_windows()
save_balances()
for _, shape in ipairs(shapes) do
  if shape.is_named then keep_chain(shape.outline.chain) end
  local counts, slots = {}, shape.slots
  for n = 1, #slots do
    local row, slot = shape.rows[n], slots[n]
    counts[2 * n - 1], counts[2 * n] = row[CURRENT + slot], row[PREVIOUS + slot]
  end
  answer_row(counts, 2 * #slots)
end
return packed_all(answers, answered)
