// What a minute at full load brings, before a vendor with Gong's own limits: how many calls, for how many API calls,
// and how often the vendor says 429. Asserts nothing.

#include "tests/support/bulk_run.hpp"
#include "tests/support/loopback_socket.hpp"
#include "tests/support/strict_run.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <regex>

using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

void limit_used()
{
    const std::pair<const char*, strict_vendor> vendors[]{
        {"jitter on the way:   0 ms", {}},
        {"jitter on the way: 200 ms", {.way_jitter = 200ms}},
        {"answers after  10 ms", {.latency = 10ms}},
        {"answers after  40 ms", {.latency = 40ms}},
        {"answers after 300 ms", {.latency = 300ms}},
        {"every 10th held back 3 s", {.stall_every = 10, .stall = 3s}},
    };
    std::printf("One by one: 20 tools, 3,000 different lookups, a vendor that allows 3 in any second, 60 s\n"
                "(held back: after TCP has acknowledged the request, before the vendor counts it)\n");
    std::printf("%-28s %10s %10s %12s %8s %16s\n", "", "requests", "of 3/s", "vendor 429", "wrong", "most in a second");
    for (const auto& [name, vendor] : vendors)
    {
        strict_result r = run_strictly(60s, vendor);
        std::printf("%-28s %10zu %8.1f %% %12zu %8zu %16zu\n", name, r.requests, 100 * r.used(), r.refused, r.wrong,
                    r.most_in_a_second);
        std::fflush(stdout);
    }
}

// With a cache, and held to the vendor's limit: what is over it waits its turn.
constexpr const char* nginx_configuration = R"(daemon off;
master_process off;
error_log stderr crit;
pid FILES/pid;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path FILES/body;
    proxy_temp_path FILES/temp;
    fastcgi_temp_path FILES/fastcgi;
    uwsgi_temp_path FILES/uwsgi;
    scgi_temp_path FILES/scgi;
    proxy_cache_path FILES/cache keys_zone=calls:16m;
    limit_req_zone $server_port zone=vendor:1m rate=3r/s;
    server {
        listen 127.0.0.1:PORT;
        location / {
            proxy_pass http://127.0.0.1:VENDOR;
            proxy_cache calls;
            proxy_cache_valid 200 1d;
            limit_req zone=vendor burst=1000;
        }
    }
}
)";

stand_in nginx(const temp_folder& folder, std::uint16_t vendor_port)
{
    stand_in in;
    in.port = loopback_socket::listening().port();
    std::string text = nginx_configuration;
    for (auto [name, value] : {std::pair{"FILES", folder.path().string()},
                               {"PORT", std::to_string(in.port)},
                               {"VENDOR", std::to_string(vendor_port)}})
        text = std::regex_replace(text, std::regex(name), value);
    std::ofstream(folder.file("nginx.conf")) << text;
    in.process = std::make_unique<child>("/usr/sbin/nginx", std::vector{std::string("-c"), folder.file("nginx.conf")});
    for (int tries = 0; tries < 100 && loopback_socket::connected(in.port).fd < 0; ++tries)
        in.process->says("no line says this", std::chrono::milliseconds(50));
    return in;
}

// Everyone asks until the minute is over, and whoever is refused asks for the next call at once: what is not answered
// by then, with 200 or 404, is not counted. Directly there are 200,000 calls to ask for, which are gone before that.
void calls_answered()
{
    std::printf(
        "\nTogether: 20 tools with 15 connections each, different calls, one credential, 60 s. nginx: proxy_cache and "
        "limit_req (3r/s, burst=1000)\n");
    std::printf("%-20s %10s %10s %16s %12s\n", "", "calls", "API calls", "calls per API call", "vendor 429");
    temp_folder files;
    for (const char* how : {"bulk on", "bulk off", "direct", "nginx"})
    {
        bulk_load load;
        load.calls = 1'000'000'000;
        load.at_most = std::chrono::seconds(60);
        if (how == std::string_view("bulk off")) load.further = {"--set", "bulk.mode=off"};
        if (how == std::string_view("direct"))
        {
            load.calls = 200'000;
            load.instead = [](auto vendor) { return stand_in{vendor, nullptr}; };
        }
        if (how == std::string_view("nginx")) load.instead = [&](auto vendor) { return nginx(files, vendor); };
        bulk_result r = run_in_bulk(load);
        std::printf("%-20s %10zu %10zu %16.1f %12zu\n", how, r.answered, r.api_calls,
                    double(r.answered) / double(std::max<std::size_t>(r.api_calls, 1)), r.refused);
        std::fflush(stdout);
    }
}

}  // namespace

int main()
{
    limit_used();
    calls_answered();
}
