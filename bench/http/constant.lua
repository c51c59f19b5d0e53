-- SPDX-License-Identifier: Apache-2.0
-- The same report as requests.lua, for a plain GET.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
