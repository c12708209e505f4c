-- ARGV: key, hash of the wish, seconds, seats. Answers {kind, hold}: 0 taken, 1 granted, 2 granted
-- before, 3 the key came with another wish.
local seen = redis.call('HMGET', 'key:' .. ARGV[1], 'hold', 'hash')
if seen[1] then
    if seen[2] ~= ARGV[2] then return {3, 0} end
    return {2, tonumber(seen[1])}
end
local seats = {unpack(ARGV, 4)}
for _, owner in ipairs(redis.call('HMGET', 'seats', unpack(seats))) do
    if owner then return {0, 0} end
end
local hold = redis.call('INCR', 'holds')
local pairs_of = {}
for _, seat in ipairs(seats) do
    pairs_of[#pairs_of + 1] = seat
    pairs_of[#pairs_of + 1] = hold
end
redis.call('HSET', 'seats', unpack(pairs_of))
redis.call('SET', 'hold:' .. hold, table.concat(seats, ' '))
redis.call('ZADD', 'ends', redis.call('TIME')[1] + ARGV[3], hold)
redis.call('HSET', 'key:' .. ARGV[1], 'hold', hold, 'hash', ARGV[2])
redis.call('EXPIRE', 'key:' .. ARGV[1], 960)
return {1, hold}
