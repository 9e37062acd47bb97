// The built programs, run as a user runs them.
#pragma once

#include "tests/support/child.hpp"
#include "tests/support/plain_client.hpp"
#include "tests/support/vendor_thread.hpp"

namespace callcache::test
{

inline const std::string callcache_program = CALLCACHE_PROGRAM;

// `callcache serve` on ports that the system chooses.
struct serving
{
    serving(const std::string& url, const std::string& database, const std::vector<std::string>& further = {},
            const child::wishes& = {});

    child process;
    std::uint16_t port = 0, admin_port = 0;
};

}  // namespace callcache::test
