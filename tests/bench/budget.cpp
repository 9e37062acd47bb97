// What a minute at full load brings, before a vendor with Gong's own limits: how many calls, for how many API calls,
// and how often the vendor says 429. Asserts nothing.

#include "tests/support/bulk_run.hpp"
#include "tests/support/strict_run.hpp"

#include <algorithm>
#include <cstdio>

using namespace callcache::test;

namespace
{

void limit_used()
{
    std::printf("One by one: 20 tools, 3,000 different lookups, a vendor that allows 3 in any second, 60 s\n");
    std::printf("%-28s %10s %10s %12s %8s\n", "", "requests", "of 3/s", "vendor 429", "wrong");
    for (int jitter : {0, 200})
    {
        strict_result r = run_strictly(std::chrono::seconds(60), std::chrono::milliseconds(jitter));
        std::printf("jitter on the way: %3d ms    %10zu %8.1f %% %12zu %8zu\n", jitter, r.requests, 100 * r.used(),
                    r.refused, r.wrong);
        std::fflush(stdout);
    }
}

// Everyone asks until the minute is over: what is not answered by then, with 200 or 404, is not counted.
void calls_answered()
{
    std::printf("\nTogether: 20 tools with 15 connections each, different calls, one credential, 60 s\n");
    std::printf("%-20s %10s %10s %16s %12s\n", "", "calls", "API calls", "calls per API call", "vendor 429");
    for (const char* how : {"bulk on", "bulk off", "direct"})
    {
        bulk_load load;
        load.calls = 200'000;
        load.at_most = std::chrono::seconds(60);
        load.direct = std::string_view(how) == "direct";
        if (std::string_view(how) == "bulk off") load.further = {"--set", "bulk.mode=off"};
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
