-- Ends up to a hundred holds whose time is over.
local now = redis.call('TIME')[1]
local ended = redis.call('ZRANGEBYSCORE', 'ends', '-inf', now, 'LIMIT', 0, 100)
for _, hold in ipairs(ended) do
    local seats = redis.call('GET', 'hold:' .. hold) or ''
    for seat in string.gmatch(seats, '%S+') do
        if redis.call('HGET', 'seats', seat) == hold then redis.call('HDEL', 'seats', seat) end
    end
    redis.call('DEL', 'hold:' .. hold)
    redis.call('ZREM', 'ends', hold)
end
return #ended
