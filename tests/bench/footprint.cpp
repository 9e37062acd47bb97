// What callcache costs when it does nothing: time until it is ready with an empty cache, and memory when it is idle
// after one lookup over TLS. Prints medians; asserts nothing.

#include "server/async/system_clock.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <vector>

using namespace callcache::test;
using std::chrono::steady_clock;

namespace
{

constexpr int rounds = 21;

double median(std::vector<double> v)
{
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

// A line of /proc/PID/status, in MB.
double megabytes(pid_t pid, const std::string& name)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
    return 0;
}

}  // namespace

int main()
{
    auto certificate = sim::make_certificate();
    sim::vendor_options o;
    o.tls_certificate = certificate.chain;
    o.tls_key = certificate.key;
    o.limits = {0, 0};  // each start is a company of its own
    o.keys[sim::basic("key", "secret")] = {};
    vendor_thread vendor(o);
    std::string url = "https://localhost:" + vendor.url().substr(vendor.url().rfind(':') + 1);

    std::vector<double> ready, anonymous, resident;
    for (int i = 0; i < rounds; ++i)
    {
        temp_folder folder;
        std::ofstream(folder.file("ca.pem")) << certificate.authority;
        auto begun = steady_clock::now();
        serving s(url, folder.file("cache.db"), {"--set", "upstream.ca_file=" + folder.file("ca.pem")});
        auto probe = plain_client(s.admin_port).get("/readyz", "");
        for (int again = 0; probe.status == 503 && again < 1000; ++again)
            probe = plain_client(s.admin_port).get("/readyz", "");
        if (probe.status != 200) return std::fprintf(stderr, "not ready: %s\n", s.process.output().c_str()), 1;
        ready.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begun).count());
        auto a = plain_client(s.port).get("/v2/calls/" + std::string(sim::example_id), sim::basic("key", "secret"));
        if (a.status != 200) return std::fprintf(stderr, "no answer: %s\n", a.body.c_str()), 1;
        anonymous.push_back(megabytes(s.process.pid(), "RssAnon"));
        resident.push_back(megabytes(s.process.pid(), "VmRSS"));
    }
    std::printf("median of %d starts with an empty cache\n", rounds);
    std::printf("ready (exec to the first 200 of /readyz)    %.1f ms\n", median(ready));
    std::printf("RssAnon, idle after one lookup over TLS     %.1f MB\n", median(anonymous));
    std::printf("VmRSS                                       %.1f MB\n", median(resident));
}
