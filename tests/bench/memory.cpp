// What tools that do not read, do not send or ask for much make the program hold: its peak memory, beside the bound
// that tests/program/memory_test.cpp has for each. Asserts nothing.

#include "tests/support/memory_loads.hpp"

#include <cstdio>

using namespace callcache::test;

namespace
{

void row(const char* load, const memory_taken& m, double bound)
{
    std::printf("%-48s %8.1f %8.1f %8.0f %6zu%s\n", load, m.idle, m.peak, bound, m.wrong,
                m.peak > bound ? "  above it" : "");
    std::fflush(stdout);
}

}  // namespace

int main()
{
    std::printf("%-48s %8s %8s %8s %6s\n", "MB", "idle", "peak", "wanted", "wrong");
    memory_taken hits = unread_hits(300), bodies = stalled_bodies(1000), mixed = mixed_sizes(600);
    row("300 tools that do not read a hit of 1 MB", hits, hits.idle + 16);
    std::printf("%-48s %8s %8.1f %8d\n", "  and in the system's sockets", "", hits.unsent, 32);
    row("1,000 bodies of 64 KiB that never end", bodies, bodies.idle + 48);
    row("answers of 200 B to 1 MiB, 600 MB in all", mixed, 250);
}
