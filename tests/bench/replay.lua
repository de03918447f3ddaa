-- wrk's part: replays raw requests from a file and judges each answer.
--   wrk … -s replay.lua http://127.0.0.1:PORT -- FILE STATUS TEXT
-- The file holds requests, each as its length, a line feed and its bytes.

local requests, sent, status, text = {}, 0, 0, ""
local threads = {}
wrong, exhausted = 0, false

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  status, text = tonumber(args[2]), args[3]
  local file = assert(io.open(args[1], "rb"))
  local length = file:read("*l")
  while length do
    requests[#requests + 1] = file:read(tonumber(length))
    length = file:read("*l")
  end
  file:close()
end

function request()
  sent = sent + 1
  if sent > #requests then
    exhausted = true
    return requests[#requests]
  end
  return requests[sent]
end

function response(given, _, body)
  if given ~= status or not body:find(text, 1, true) then
    wrong = wrong + 1
  end
end

function done(summary, latency)
  local thread, errors = threads[1], summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format(
    'figures: {"answered": %d, "wrong": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "exhausted": %s}',
    summary.requests, thread:get("wrong") + failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, tostring(thread:get("exhausted"))
  ))
end
