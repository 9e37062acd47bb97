// `./dev demo` checks each of its own claims; here it is run.

#include "tests/support/programs.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace callcache::test;

namespace
{

// A port that nobody has right now.
std::string free_port()
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(bind(s, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    getsockname(s, reinterpret_cast<sockaddr*>(&at), &size);
    close(s);
    return std::to_string(ntohs(at.sin_port));
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("the demo's claims hold: miss, hit, hit after a restart and a kill, fifty tools and one request, an outage")
{
    std::string build = callcache_program.substr(0, callcache_program.rfind('/'));
    finished demo =
        run(CALLCACHE_SOURCE "/tests/sim/demo", {build},
            {{"DEMO_VENDOR_PORT=" + free_port(), "DEMO_PORT=" + free_port(), "DEMO_ADMIN_PORT=" + free_port()}, "", 0});
    INFO(demo.output);
    CHECK(demo.code == 0);
    CHECK(demo.output.find("2 of the 10,000 API calls of the day were spent") != std::string::npos);
}

TEST_SUITE_END();
