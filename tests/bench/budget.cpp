// How much of the vendor's limit is used at full load, and how often the vendor says 429: a minute on a quiet way, and
// a minute on one with up to 200 ms of jitter. Asserts nothing.

#include "tests/support/strict_run.hpp"

#include <cstdio>

using namespace callcache::test;

int main()
{
    std::printf("20 tools, 3,000 different lookups, a vendor that allows 3 in any second, 60 s\n");
    std::printf("%-28s %10s %10s %12s %8s\n", "", "requests", "of 3/s", "vendor 429", "wrong");
    for (int jitter : {0, 200})
    {
        strict_result r = run_strictly(std::chrono::seconds(60), std::chrono::milliseconds(jitter));
        std::printf("jitter on the way: %3d ms    %10zu %8.1f %% %12zu %8zu\n", jitter, r.requests, 100 * r.used(),
                    r.refused, r.wrong);
        std::fflush(stdout);
    }
}
