-- ARGV: hold. Answers how many seats are free again.
local seats = redis.call('GET', 'hold:' .. ARGV[1])
if not seats then return 0 end
local freed = 0
for seat in string.gmatch(seats, '%S+') do
    if redis.call('HGET', 'seats', seat) == ARGV[1] then
        freed = freed + redis.call('HDEL', 'seats', seat)
    end
end
redis.call('DEL', 'hold:' .. ARGV[1])
redis.call('ZREM', 'ends', ARGV[1])
return freed
