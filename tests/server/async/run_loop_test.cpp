#include "server/async/run_loop.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using namespace callcache;

TEST_CASE("a loop goes on after a handler that throws, also when that cannot be said")
{
    asio::io_context loop(1);
    std::vector<std::string> said;
    int ran = 0;
    for (const char* mistake : {"one", "two"}) asio::post(loop, [mistake] { throw std::runtime_error(mistake); });
    asio::post(loop, [&] { ++ran; });
    run_loop(loop, [&](std::string_view mistake) {
        said.emplace_back(mistake);
        throw std::bad_alloc();
    });
    CHECK(said == std::vector<std::string>{"one", "two"});
    CHECK(ran == 1);
}

TEST_CASE("a loop that is stopped by a handler ends, whatever comes behind it")
{
    asio::io_context loop(1);
    auto work = asio::make_work_guard(loop);
    asio::post(loop, [&] {
        loop.stop();
        throw std::runtime_error("and a mistake");
    });
    run_loop(loop, [](std::string_view) {});
    CHECK(loop.stopped());
}
