// gong-sim: the simulated vendor as a program, for trying callcache without an account at Gong.

#include "cache/rfc3339.hpp"
#include "server/async/system_clock.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/sim/vendor.hpp"

#include <boost/asio/signal_set.hpp>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>

int main(int argc, char** argv)
{
    CLI::App app{
        "gong-sim: simulates Gong's GET /v2/calls/{id}, GET /v2/calls and POST /v2/calls/extensive on loopback, "
        "with Gong's limits. GET /sim/stats tells what it has counted."};
    sim::vendor_options o;
    o.port = 4700;
    std::string key = "sim-key", secret = "sim-secret", limited_key, authority_file, month;
    int latency = 0, jitter = 0, way_jitter = 0, sample = 5, cursor_life = 60 * 60;
    bool tls = false;
    app.add_option("--port", o.port, "Port on 127.0.0.1")->capture_default_str();
    app.add_flag("--tls", tls, "HTTPS, with a certificate for localhost made at the start; needs --ca-file");
    app.add_option("--ca-file", authority_file, "Where to write the authority that signed it, for upstream.ca_file");
    app.add_option("--key", key, "Access key that is accepted")->capture_default_str();
    app.add_option("--secret", secret, "Its secret")->capture_default_str();
    app.add_option("--key-without-extensive", limited_key,
                   "A second access key, with the same secret, that may not read in bulk");
    app.add_option("--per-second", o.limits.per_second, "Requests in any second; 0: no limit")->capture_default_str();
    app.add_option("--per-day", o.limits.per_day, "Requests in any 24 hours; 0: no limit")->capture_default_str();
    app.add_option("--latency", latency, "Milliseconds before each answer")->capture_default_str();
    app.add_option("--jitter", jitter, "Up to so many milliseconds more")->capture_default_str();
    app.add_option("--way-jitter", way_jitter, "Up to so many milliseconds until a request counts as arrived")
        ->capture_default_str();
    app.add_option("--calls", o.catalogue.count, "Calls that exist")->capture_default_str();
    app.add_option("--month", month,
                   "The month that the calls fill, such as 2026-10; otherwise one every 130 s until now");
    app.add_option("--cursor-life", cursor_life, "Seconds until a list's cursor expires")->capture_default_str();
    app.add_option("--not-found-every", o.catalogue.not_found_every, "One of so many ids is a 404; 0: none")
        ->capture_default_str();
    app.add_option("--transcript-bytes", o.transcript_bytes, "At least so many in each transcript")
        ->capture_default_str();
    app.add_option("--sample", sample, "Ids to print at the start")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    std::signal(SIGPIPE, SIG_IGN);
    o.cursor_life = std::chrono::seconds(cursor_life);
    if (!month.empty())
    {
        auto first = callcache::parse_rfc3339(month + "-01T00:00:00Z");
        if (!first) return std::fprintf(stderr, "gong-sim: --month: a month is written 2026-10\n"), 2;
        o.catalogue.fill_month(*first);
    }
    o.latency = std::chrono::milliseconds(latency);
    o.jitter = std::chrono::milliseconds(jitter);
    o.way_jitter = std::chrono::milliseconds(way_jitter);
    o.keys[sim::basic(key, secret)] = {};
    if (!limited_key.empty()) o.keys[sim::basic(limited_key, secret)] = {true, false};
    if (tls)
    {
        auto c = sim::make_certificate();
        o.tls_certificate = c.chain;
        o.tls_key = c.key;
        std::ofstream(authority_file) << c.authority;
    }
    callcache::system_clock clock;
    boost::asio::io_context loop(1);
    try
    {
        sim::vendor vendor(loop.get_executor(), o, clock);
        std::printf("gong-sim listens on %s://%s:%u  (access key %s, secret %s)\n", tls ? "https" : "http",
                    tls ? "localhost" : "127.0.0.1", vendor.port(), key.c_str(), secret.c_str());
        std::printf("calls: %s", std::string(sim::example_id).c_str());
        for (int i = 0; i < sample; ++i) std::printf(" %s", vendor.catalogue().id(std::uint64_t(i)).c_str());
        std::printf("\n");
        std::fflush(stdout);
        boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
        signals.async_wait([&](auto, int) { loop.stop(); });
        loop.run();
        std::printf("gong-sim saw %zu requests, refused %zu of them with 429\n", vendor.requests(), vendor.refused());
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "gong-sim: %s\n", e.what());
        return 1;
    }
    return 0;
}
