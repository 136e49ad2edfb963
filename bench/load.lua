-- wrk script: POST bodies from a file in turn; for refreshing, each answer's token is the next request's.
-- Signed requests are made beforehand: their lines hold authorization, date and body with tabs between. What is good for
-- one use is sent once; when it runs out, the load ends and says so. The portal is asked by GET with bearer tokens in turn.
-- An answer is the expected one by its status, and by a text that it has to have where one is given.
local function lines(name)
  local found = {}
  for line in io.lines(os.getenv(name)) do found[#found + 1] = line end
  return found
end

local bearers = os.getenv("BENCH_BEARERS") and lines("BENCH_BEARERS")
local bodies = bearers or lines("BENCH_BODIES")
local tokens = os.getenv("BENCH_TOKENS") and lines("BENCH_TOKENS")
local signed, once = os.getenv("BENCH_SIGNED"), os.getenv("BENCH_ONCE")
local headers = {
  ["Content-Type"] = os.getenv("BENCH_TYPE") or "application/json",
  ["User-Agent"] = "aws-cli/2.36.7 md/command#sso.login",
}
local path = os.getenv("BENCH_PATH")
local expected, expected_text = tonumber(os.getenv("BENCH_STATUS")), os.getenv("BENCH_ANSWER")
local position, first, last = 0, 1, tokens and #tokens
local looked_at = false
unexpected, unexpected_body, ran_out, threads = 0, "", 0, {}

function setup(thread) threads[#threads + 1] = thread end

local function sign(line)
  local authorization, date, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
  headers["Authorization"], headers["X-Amz-Date"] = authorization, date
  return body
end

function request()
  if once and not looked_at then -- wrk looks at one request that it does not send
    looked_at = true
    return wrk.format("POST", path, headers, signed and sign(bodies[1]) or bodies[1])
  end
  if once and position == #bodies then
    ran_out = 1
    wrk.thread:stop()
  end
  position = position % #bodies + 1
  local body = bodies[position]
  if bearers then
    headers["x-amz-sso_bearer_token"] = body
    return wrk.format("GET", path, headers)
  end
  if signed then body = sign(body) end
  if tokens then
    body = body:gsub("REFRESH_TOKEN", tokens[first], 1)
    tokens[first] = nil
    first = first + 1
  end
  return wrk.format("POST", path, headers, body)
end

function response(status, _, body)
  if status ~= expected or expected_text and not body:find(expected_text, 1, true) then
    unexpected = unexpected + 1
    if unexpected == 1 then unexpected_body = status .. " " .. body:sub(1, 300) end
  end
  if tokens then
    local token = body:match('"refresh_?[Tt]oken": ?"([^"]+)"')
    if token then
      last = last + 1
      tokens[last] = token
    end
  end
end

function done(summary, latency, _)
  local errors, wrong, out = summary.errors, 0, 0
  for _, kind in ipairs({ "connect", "read", "write", "timeout" }) do
    wrong = wrong + errors[kind]
    if errors[kind] > 0 then io.stderr:write(kind, " errors: ", errors[kind], "\n") end
  end
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("unexpected")
    out = out + thread:get("ran_out")
    if thread:get("unexpected") > 0 then io.stderr:write("unexpected answer: ", thread:get("unexpected_body"), "\n") end
  end
  io.write(string.format("BENCH %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), wrong, out))
end
