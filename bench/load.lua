-- wrk script: POST bodies from a file in turn; for refreshing, each answer's token is the next request's.
local function lines(name)
  local found = {}
  for line in io.lines(os.getenv(name)) do found[#found + 1] = line end
  return found
end

local bodies = lines("BENCH_BODIES")
local tokens = os.getenv("BENCH_TOKENS") and lines("BENCH_TOKENS")
local headers = { ["Content-Type"] = "application/json", ["User-Agent"] = "aws-cli/2.36.7 md/command#sso.login" }
local path = os.getenv("BENCH_PATH")
local expected = tonumber(os.getenv("BENCH_STATUS"))
local position, first, last = 0, 1, tokens and #tokens
unexpected, threads = 0, {}

function setup(thread) threads[#threads + 1] = thread end

function request()
  position = position % #bodies + 1
  local body = bodies[position]
  if tokens then
    body = body:gsub("REFRESH_TOKEN\"", tokens[first] .. "\"", 1)
    tokens[first] = nil
    first = first + 1
  end
  return wrk.format("POST", path, headers, body)
end

function response(status, _, body)
  if status ~= expected then unexpected = unexpected + 1 end
  if tokens then
    local token = body:match('"refreshToken":"([^"]+)"')
    if token then
      last = last + 1
      tokens[last] = token
    end
  end
end

function done(summary, latency, _)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("unexpected") end
  io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), wrong))
end
