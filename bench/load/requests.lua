-- SPDX-License-Identifier: Apache-2.0
-- Requests for wrk, as wrk.py says in the environment: METHOD, TARGET and
-- BODY (%d is an object's number, %m its last digit), KEY (an API key, or empty), CONNECTIONS, OBJECTS, ORDER. `random`: any of OBJECTS objects. `each`: those
-- from FIRST up to OBJECTS, once each; wrk is stopped when the last are answered.
local method, path, body = os.getenv("METHOD"), os.getenv("TARGET"), os.getenv("BODY")
local objects = tonumber(os.getenv("OBJECTS"))
local in_order = os.getenv("ORDER") == "each"
local next_object = tonumber(os.getenv("FIRST"))
local headers = {}
if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
if os.getenv("KEY") ~= "" then headers["Authorization"] = "Bearer " .. os.getenv("KEY") end

local function fill(text, number)
  return text and text:gsub("%%d", tostring(number)):gsub("%%m", tostring(number % 10)) or nil
end

local function make(number)
  return wrk.format(method, fill(path, number), headers, fill(body, number))
end

-- Made before the clock runs, so that the generator costs as little as for one constant request.
local ready = {}
function init()
  if in_order then return end
  for i = 1, objects do ready[i] = make(i - 1) end
end

-- wrk sleeps until its time is up, unless it is interrupted. A few objects are asked twice, so that
-- the last ones' answers are there before the end.
local function stop()
  local ffi = require("ffi")
  ffi.cdef("int getpid(void); int kill(int pid, int signal);")
  ffi.C.kill(ffi.C.getpid(), 2)
  wrk.thread:stop()
end

if in_order then
  local again = 2 * tonumber(os.getenv("CONNECTIONS"))
  function request()
    if next_object == objects + again then stop() end
    local made = make(next_object % objects)
    next_object = next_object + 1
    return made
  end
elseif objects > 1 then
  function request() return ready[math.random(objects)] end
else
  function request() return ready[1] end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
