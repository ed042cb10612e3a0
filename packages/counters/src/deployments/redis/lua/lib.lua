-- What the functions of the deployments share; the beginning of their library. All keys are of one hash slot, as a change
-- of any deployment has to be told to every proxy in one order.
-- KEYS (of every function): 1 states (hash), 2 changes (sorted set by version), 3 forgetting (sorted set by time),
--   4 the newest version.
-- ARGV (of every function): 1 now or '', 2 channel, 3 how many deployments are kept, then its own.
-- Versions are microseconds of the server, or one more than the last: they grow also across a flush or a failover.
-- Numbers are doubles, exact below 2^53; they leave as integers or through int(), never through tostring().

local int = function(number) return string.format('%.0f', number) end

-- The longest sleep and the time that it is remembered, and an hour more.
local TTL = 3 * 3600000

-- Of the call; there is none while the library is loaded.
local call, now
local STATES, CHANGES, FORGETTING, NEWEST, CHANNEL, ENTRIES_MAX

local function server_now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Every function begins with it.
local function begin(KEYS, ARGV)
  call = redis.call
  STATES, CHANGES, FORGETTING, NEWEST = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  CHANNEL, ENTRIES_MAX = ARGV[2], tonumber(ARGV[3])
  now = tonumber(ARGV[1]) or server_now()
end

local PATTERN = '^(%d+)|(%d+)|(%a+)|(%a+)|(%d+)|(%d+)|(%d+)|(%d+)|(.*)$'

-- Nil where nothing is known any more.
local function entry_of(deployment)
  local text = call('HGET', STATES, deployment)
  if not text then return nil end
  local version, since, phase, reason, failures, till, probe_till, forget_at, probe = string.match(text, PATTERN)
  local entry = {
    version = tonumber(version), since = tonumber(since), phase = phase, reason = reason,
    failures = tonumber(failures), till = tonumber(till), probe_till = tonumber(probe_till),
    forget_at = tonumber(forget_at), probe = probe
  }
  return now < entry.forget_at and entry or nil
end

-- As proxies are told it: times as milliseconds from now, because clocks differ.
local function told(entry)
  local left = function(at) return int(math.max(0, at - now)) end
  return table.concat({
    int(entry.version), int(entry.since), entry.phase, entry.reason, int(entry.failures), left(entry.till),
    left(entry.probe_till), left(entry.forget_at), entry.probe
  }, '|')
end

local function drop(deployment)
  call('HDEL', STATES, deployment)
  call('ZREM', CHANGES, deployment)
  call('ZREM', FORGETTING, deployment)
end

local function next_version()
  return math.max(tonumber(call('GET', NEWEST) or 0) + 1, now * 1000)
end

-- Keeps a changed entry under a new version and tells every proxy.
local function save(deployment, entry, version)
  entry.version = version
  call('HSET', STATES, deployment, table.concat({
    int(entry.version), int(entry.since), entry.phase, entry.reason, int(entry.failures), int(entry.till),
    int(entry.probe_till), int(entry.forget_at), entry.probe
  }, '|'))
  call('ZADD', CHANGES, int(version), deployment)
  call('ZADD', FORGETTING, int(entry.forget_at), deployment)
  call('SET', NEWEST, int(version), 'PX', TTL)
  for _, old in ipairs(call('ZRANGEBYSCORE', FORGETTING, '-inf', int(now), 'LIMIT', 0, 20)) do drop(old) end
  if call('ZCARD', FORGETTING) > ENTRIES_MAX then drop(call('ZRANGE', FORGETTING, 0, 0)[1]) end
  for _, key in ipairs({ STATES, CHANGES, FORGETTING }) do call('PEXPIRE', key, TTL) end
  call('PUBLISH', CHANNEL, told(entry) .. '\n' .. deployment)
end
