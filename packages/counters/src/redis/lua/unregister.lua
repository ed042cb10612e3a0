-- Forgets an organization without leases, unless a proxy has announced it again meanwhile.
-- KEYS: registry. ARGV: 1 organization id, 2 the time of the announcement that was read.
-- Returns 1 when it was forgotten.

if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
