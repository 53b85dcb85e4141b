-- What wrk sends, by the environment variables that `run` sets.
local scenario = os.getenv("SCENARIO")

if scenario == "upload" then
  wrk.method = "POST"
  wrk.body = string.rep("x", 1024 * 1024)
end

-- Milliseconds that a connection waits before its next request.
if scenario == "paced" then
  local pause = 1000 * tonumber(os.getenv("CONNECTIONS")) / tonumber(os.getenv("RATE"))
  -- Spread, so that the connections do not move in step.
  function delay() return math.floor(pause * (0.5 + math.random())) end
elseif scenario == "idle" then
  function delay() return 10000 end
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("%s: %d requests, %.0f/s, %.1f MB/s, p50 %.2f ms, p99 %.2f ms, failed %d\n", scenario,
    summary.requests, summary.requests / seconds, summary.bytes / seconds / 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, failed))
end
