-- What the functions of the request names share; the beginning of their library.
-- KEYS (of every function): 1 names of one API key (hash: 'r|<request>' while it runs, 'e|<request>' once it has ended),
--   2 when each expires (sorted set).
-- ARGV (of every function): 1 now or '', 2 name, 3 request, then its own.

local int = function(number) return string.format('%.0f', number) end

-- Longer than any name is kept.
local TTL = 600000

-- Of the call; there is none while the library is loaded.
local call, now
local NAMES, EXPIRIES, NAME, REQUEST

local function server_now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Every function begins with it.
local function begin(KEYS, ARGV)
  call = redis.call
  NAMES, EXPIRIES, NAME, REQUEST = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
  now = tonumber(ARGV[1]) or server_now()
end

local function known()
  local state = call('HGET', NAMES, NAME)
  return state and tonumber(call('ZSCORE', EXPIRIES, NAME) or 0) > now and state or nil
end

local function drop(name)
  call('HDEL', NAMES, name)
  call('ZREM', EXPIRIES, name)
end

local function save(state, expires_at)
  call('HSET', NAMES, NAME, state)
  call('ZADD', EXPIRIES, int(expires_at), NAME)
  call('PEXPIRE', NAMES, TTL)
  call('PEXPIRE', EXPIRIES, TTL)
end
