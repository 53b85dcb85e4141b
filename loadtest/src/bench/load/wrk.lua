-- What wrk sends, by the environment variables that wrk.rs sets.

-- The URL's host is a name for TLS and the Host header only: connections go to the address.
function wrk.resolve(_, service)
  wrk.addrs = wrk.lookup(os.getenv("BENCH_ADDRESS"), service)
end

local requests, turn = {}, 0

-- Requests are made once: while it loads, wrk only hands them out.
function init()
  local step = tonumber(os.getenv("BENCH_STEP"))
  for number = 1, tonumber(os.getenv("BENCH_HOSTS")) do
    local host = "host-" .. (number - 1) * step .. "." .. os.getenv("BENCH_DOMAIN")
    requests[number] = wrk.format(nil, nil, { Host = host, ["User-Agent"] = "ingora-bench", Accept = "*/*" })
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("bench requests=%d microseconds=%d bytes=%d errors=%d\n", summary.requests, summary.duration,
    summary.bytes, failed))
end
