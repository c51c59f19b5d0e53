-- SPDX-License-Identifier: Apache-2.0
-- Requests for wrk. The environment says which: WORK is add or value (any of OBJECTS objects, at
-- random), or touch_add or touch (each in order, from FIRST); KEY is the API key.
local work = os.getenv("WORK")
local objects = tonumber(os.getenv("OBJECTS"))
local first = tonumber(os.getenv("FIRST") or "0")
local in_order = work:sub(1, 5) == "touch"
local body = work:sub(-3) == "add" and '{"command":"add","payload":{"by":1}}' or '{"query":"value"}'
local headers = {
  ["Authorization"] = "Bearer " .. os.getenv("KEY"),
  ["Content-Type"] = "application/json",
}
local next_object = first

local function make(number)
  return wrk.format("POST", "/api/v1/durable-objects/counter/o-" .. number .. "/request", headers,
                    body)
end

-- Made before the clock runs, so that the generator costs as little as the reference's.
local ready = {}
function init()
  if in_order then return end
  for i = 1, objects do ready[i] = make(i - 1) end
end

function request()
  if in_order then
    next_object = next_object + 1
    return make(next_object % objects)
  end
  return ready[math.random(objects)]
end


dofile((debug.getinfo(1, "S").source:sub(2):match("^(.*)/") or ".") .. "/constant.lua")
