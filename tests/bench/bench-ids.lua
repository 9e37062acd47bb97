-- wrk asks for the ids of a file, one after the other: wrk … -s bench-ids.lua URL -- FILE AUTHORIZATION
-- Each thread begins where the others do not. What it measured is one line of JSON.
local requests, at, threads = {}, 0, {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init(args)
    for id in io.lines(args[1]) do
        requests[#requests + 1] = "GET /v2/calls/" .. id .. " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " ..
            args[2] .. "\r\n\r\n"
    end
    at = math.floor(number * #requests / 2)
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %f, "wrong": %d, "p50": %f, "p99": %f, "p999": %f}\n',
        summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
