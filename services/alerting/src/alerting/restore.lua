#!lua
-- Gives one scope back what Redis lost of it, from the alerts in the store. Changes nothing where Redis knows as much.
-- KEYS: state, episodes, outbox (as in rule.lua). ARGV: fired_ms of the last alert, spans of time whose errors were
-- told already (JSON), now or '' for Redis' own clock, then alert_key and time of its newest error, for every alert.
-- Answers 1 when something had been lost.

local state, episodes = KEYS[1], KEYS[2]
local fired = tonumber(redis.call('HGET', state, 'fired_ms'))
if fired and fired >= tonumber(ARGV[1]) then return 0 end
local now = ARGV[3]
if now == '' then
  local clock = redis.call('TIME')
  now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
end
redis.call('HSET', state, 'fired_ms', ARGV[1], 'told', ARGV[2], 'restored_ms', now)
for place = 4, #ARGV, 2 do
  redis.call('ZADD', episodes, ARGV[place + 1], ARGV[place])
end
return 1
