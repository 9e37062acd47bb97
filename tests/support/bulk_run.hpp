// Many tools that ask for different calls at full speed, through a callcache process, in front of a vendor with Gong's
// own limits: how many calls an API call brings.
#pragma once

#include "tests/support/child.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace callcache::test
{

// What stands between the tools and the vendor, if it is not callcache; without a process nothing does.
struct stand_in
{
    std::uint16_t port = 0;
    std::unique_ptr<child> process;
};

struct bulk_load
{
    std::size_t credentials = 1;
    std::size_t connections = 300;  // of all together, by twenty tools
    std::uint64_t calls = 6000;     // 0.5 % missing from bulk answers, 0.5 % not found
    bool extensive = true;          // the credentials have the scope
    std::chrono::seconds at_most{120};
    std::vector<std::string> further = {};  // arguments of serve
    std::function<stand_in(std::uint16_t vendor_port)> instead = {};
};

struct bulk_result
{
    std::size_t answered = 0;   // rightly
    std::size_t wrong = 0;      // anything else
    std::size_t api_calls = 0;  // that the vendor counted
    std::size_t bulk_reads = 0;
    std::size_t refused = 0;  // with 429, by the vendor
    double seconds = 0;
    std::string first_wrong;
};

bulk_result run_in_bulk(const bulk_load&);

}  // namespace callcache::test
