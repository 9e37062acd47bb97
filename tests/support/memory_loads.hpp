// Loads that try how much memory the program takes: of the test, which has a bound for each, and of the benchmark.
#pragma once

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <string>
#include <vector>

namespace callcache::test
{

// A line of /proc/PID/status, in MB.
double megabytes(const child&, const std::string& name);

struct memory_taken
{
    double idle = 0, peak = 0;  // MB; the peak is of all that came before, too
    double unsent = 0;          // MB in its sockets
    std::size_t wrong = 0;      // answers
    std::string says;           // the program's log
};

// So many tools ask for the same kept answer of 1 MB and read nothing of it.
memory_taken unread_hits(std::size_t tools);

// So many tools announce a body of 64 KiB, send all of it but the last byte, and stay.
memory_taken stalled_bodies(std::size_t tools);

// Answers of 200 bytes to 1 MiB come, in all so many MB, and are asked for again, with the default configuration.
memory_taken mixed_sizes(std::size_t megabytes);

}  // namespace callcache::test
