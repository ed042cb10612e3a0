-- Part of turn.lua: who occupies a subject's slots of concurrency, and what this call adds and removes.

-- Set by turn.lua: the key of the leases, for how long balances stay closed after a flush, the business day, whether only to
-- tell how everything stands, and the lanes of the call by key.
local leases, quarantine, day_start, day_end, tells, lanes

local function lane_at(key)
  local lane = lanes[key]
  if not lane then
    lane = { key = key, added = {}, removed = {} }
    lanes[key] = lane
  end
  return lane
end

local function write_lane(lane)
  if #lane.removed > 0 then
    call('ZREM', lane.key, unpack(lane.removed))
    lane.removed = {}
  end
  if #lane.added > 0 then
    call('ZADD', lane.key, unpack(lane.added))
    call('PEXPIRE', lane.key, LEASES_TTL)
    lane.added = {}
  end
end

local function write_lanes()
  for _, lane in pairs(lanes) do write_lane(lane) end
end

-- Only live leases count.
local function live_in(lane)
  if not lane.live then
    write_lane(lane)
    lane.live = call('ZCOUNT', lane.key, '(' .. int(now), '+inf')
  end
  return lane.live
end

local function remove(lane, id) lane.removed[#lane.removed + 1] = id end
local function add(lane, until_ms, id)
  local added = lane.added
  added[#added + 1] = until_ms
  added[#added + 1] = id
end
