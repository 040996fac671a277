-- wrk's side of load.py: BATCH tweets a request; with RATE so many requests a second, and the latency of every answer by
-- its status.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int clock, moment *found);")
local found = ffi.new("moment")
local function now() -- in milliseconds
  ffi.C.clock_gettime(1, found)
  return tonumber(found.seconds) * 1000 + tonumber(found.nanoseconds) / 1e6
end

local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local distinct, start = os.getenv("DISTINCT") == "1", tonumber(os.getenv("START"))
local last = os.getenv("MODEL") == "" and "}" or ',"model":"' .. os.getenv("MODEL") .. '"}'
local rate, size = tonumber(os.getenv("RATE")), tonumber(os.getenv("BATCH"))
local headers = {["Content-Type"] = "application/json", ["X-API-Key"] = os.getenv("KEY")}

local i = 0
local function tweet()
  i = i + 1
  local text = bodies[(i * 7919) % #bodies + 1]
  return distinct and text:sub(1, -2) .. " " .. (start + i) .. '"' or text
end

function request()
  local body = '{"text":'
  if size > 1 then
    local texts = {}
    for place = 1, size do texts[place] = tweet() end
    body = '{"texts":[' .. table.concat(texts, ",") .. "]"
  else
    body = body .. tweet()
  end
  if rate > 0 then headers["X-Request-ID"] = string.format("%.3f", now()) end
  return wrk.format("POST", nil, headers, body .. last)
end

if rate > 0 then
  seen, unstated = {}, 0
  local slot = 0
  function delay() -- every connection that is free takes the next slot; up to a second of lateness is made up for
    local at = now()
    slot = math.max(slot + 1000 / rate, at - 1000)
    return math.max(0, math.floor(slot - at + math.random()))
  end
  function response(status, answer)
    local sent = tonumber(answer["x-request-id"] or "") or now()
    local key = status .. ":" .. math.floor((now() - sent) * 10)
    seen[key] = (seen[key] or 0) + 1
    if status == 429 and not answer["retry-after"] then unstated = unstated + 1 end
  end
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %f %f %f %d %d\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors.status,
    errors.connect + errors.read + errors.timeout))
  for _, thread in ipairs(threads) do
    for key, count in pairs(thread:get("seen") or {}) do io.write("SEEN " .. key .. ":" .. count .. "\n") end
    io.write("UNSTATED " .. (thread:get("unstated") or 0) .. "\n")
  end
end
