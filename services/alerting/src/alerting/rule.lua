#!lua
-- The error rule: one state of one prediction in, one decision out. What is decided and the alert that tells of it are
-- written here together or not at all: Redis refuses the whole script when it is full, and nothing below can fail
-- once the first write is done.
--
-- Times are Unix milliseconds. KEYS (one hash tag, that of the outbox):
--   times       ZSET   prediction_id -> time of its error        payloads  HASH  prediction_id -> state as JSON
--   state       HASH   fired_ms; after a loss: restored_ms, told (time spans whose errors were told already, JSON)
--   suppressed  SET    predictions kept quiet since the last alert
--   episodes    ZSET   alert_key -> time of its newest error
--   revision    STRING "revision:error_ms" last seen of this prediction
--   outbox      STREAM alerts to be mailed
-- Answers with the outcome; the README of this service has the table of all cases.

local times, payloads, state, suppressed, episodes, revision, outbox = unpack(KEYS)
local id, payload, scope = ARGV[1], ARGV[4], ARGV[5]
local this_revision, error_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local window, cooldown, needed, horizon = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local now = tonumber(ARGV[10])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

local function text(number)
  return string.format('%.0f', number)
end

-- Not `<`: that follows the server's locale, and the key must be the same everywhere.
local function bytewise(a, b)
  for place = 1, math.min(#a, #b) do
    local x, y = a:byte(place), b:byte(place)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function remove(member)
  redis.call('HDEL', payloads, member)
  return redis.call('ZREM', times, member) == 1
end

local function key_of(members)
  table.sort(members, bytewise)
  return redis.sha1hex(scope .. '\n' .. 'errors' .. '\n' .. table.concat(members, '\n'))
end

-- The first run of `needed` neighbours with this one among them, closer together than the window and not yet told.
-- Neighbours are in the order of (time, prediction_id), so the choice is the same in every order of delivery.
local function find_run()
  local rank = redis.call('ZRANK', times, id)
  local lowest = math.max(0, rank - needed + 1)
  local found = redis.call('ZRANGE', times, text(lowest), text(rank + needed - 1), 'WITHSCORES')
  local own, told = rank - lowest + 1, false
  for first = 1, math.min(own, #found / 2 - needed + 1) do
    local last = first + needed - 1
    if tonumber(found[2 * last]) - tonumber(found[2 * first]) < window then
      local run = {}
      for place = first, last do
        run[#run + 1] = { id = found[2 * place - 1], at = found[2 * place] }
      end
      local members = {}
      for place, one in ipairs(run) do members[place] = one.id end
      local key = key_of(members)
      if not redis.call('ZSCORE', episodes, key) then return run, key, false end
      told = true
    end
  end
  return nil, nil, told
end

-- After a loss of Redis: whether an error that comes again lies in a span of time that the store knows to be told.
local function in_told_span(at)
  local restored = tonumber(redis.call('HGET', state, 'restored_ms'))
  if not restored or at > restored then return false end
  for _, span in ipairs(cjson.decode(redis.call('HGET', state, 'told'))) do
    if span[1] < at and at < span[2] then return true end
  end
  return false
end

-- Quiet now, or quiet at the time of the error itself: a late delivery fires no mail that a punctual one would not have.
local function is_quiet(at, fired)
  return now - fired < cooldown
    or redis.call('ZCOUNT', episodes, '(' .. text(at - cooldown), '(' .. text(at + cooldown)) > 0
end

local function fire(run, key)
  local errors = {}
  for place, one in ipairs(run) do
    errors[place] = '{"at_ms":' .. text(one.at) .. ',"state":' .. redis.call('HGET', payloads, one.id) .. '}'
    redis.call('SREM', suppressed, one.id) -- this mail shows it
  end
  redis.call('XADD', outbox, '*', 'events', '[{"alert_key":"' .. key .. '","scope":' .. cjson.encode(scope)
    .. ',"rule":"errors","fired_ms":' .. text(now) .. ',"window_ms":' .. text(window)
    .. ',"cooldown_ms":' .. text(cooldown) .. ',"suppressed_before":' .. redis.call('SCARD', suppressed)
    .. ',"errors":[' .. table.concat(errors, ',') .. ']}]')
  redis.call('DEL', suppressed)
  redis.call('HSET', state, 'fired_ms', text(now))
  redis.call('ZADD', episodes, run[#run].at, key)
  redis.call('ZREMRANGEBYSCORE', episodes, '-inf', '(' .. text(now - horizon - cooldown))
end

local outbox_type = redis.call('TYPE', outbox).ok
if outbox_type ~= 'stream' and outbox_type ~= 'none' then
  return redis.error_reply('WRONGTYPE ' .. outbox .. ': expected a stream, got a ' .. outbox_type)
end

local seen_revision, seen_error = string.match(redis.call('GET', revision) or '', '^(%-?%d+):(.*)$')
if seen_revision and this_revision <= tonumber(seen_revision) then return 'duplicate' end
-- A clock ahead must not outlive its revision: the state would count again when its time comes.
local ahead = math.min(math.max((error_ms or now) - now, 0), horizon)
redis.call('SET', revision, ARGV[2] .. ':' .. ARGV[3], 'PX', text(horizon + ahead))

for _, member in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', '(' .. text(now - horizon), 'LIMIT', '0', '500')) do
  remove(member)
end

if not error_ms then
  redis.call('SREM', suppressed, id)
  return remove(id) and 'withdrawn' or 'no_error'
end
local at = math.min(error_ms, now)
if at < now - horizon then
  remove(id)
  return 'too_old'
end
local known = redis.call('ZSCORE', times, id) and seen_error == ARGV[3]
redis.call('HSET', payloads, id, payload)
redis.call('PEXPIRE', payloads, text(horizon + window))
if known then return 'unchanged' end
redis.call('ZADD', times, text(at), id)
redis.call('PEXPIRE', times, text(horizon + window))

local run, key, told = find_run()
if not run then return told and 'told' or 'counted' end
local fired = tonumber(redis.call('HGET', state, 'fired_ms')) or -math.huge
if fired > now then -- the clock was put back: stay quiet for one cool-down at most, not until the old time comes again
  fired = now
  redis.call('HSET', state, 'fired_ms', text(now))
  redis.call('ZREMRANGEBYSCORE', episodes, '(' .. text(now), '+inf')
end
local again = in_told_span(at)
if again and at < fired then return 'told' end
if again or is_quiet(at, fired) then
  redis.call('SADD', suppressed, id)
  return 'suppressed'
end
fire(run, key)
return 'fired'
