#include "server/upstream/connection_attempts.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

tcp::endpoint at(const std::string& address)
{
    return {asio::ip::make_address(address), 443};
}

std::vector<tcp::endpoint> all(const std::vector<std::string>& addresses)
{
    std::vector<tcp::endpoint> list;
    for (const std::string& a : addresses) list.push_back(at(a));
    return list;
}

const steady_time t0{1000s};

}  // namespace

TEST_CASE("connection attempts: the families take turns, and the one that the name service put first begins")
{
    CHECK(order_of_attempts(all({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}), {}) ==
          all({"::1", "10.0.0.1", "::2", "10.0.0.2", "::3"}));
    CHECK(order_of_attempts(all({"10.0.0.1", "10.0.0.2", "::1"}), {}) == all({"10.0.0.1", "::1", "10.0.0.2"}));
    CHECK(order_of_attempts(all({"::1", "10.0.0.1", "10.0.0.2"}), {}) == all({"::1", "10.0.0.1", "10.0.0.2"}));
    CHECK(order_of_attempts(all({"10.0.0.1"}), {}) == all({"10.0.0.1"}));
    CHECK(order_of_attempts({}, {}).empty());
}

TEST_CASE("connection attempts: what worked last comes first, what failed last comes last, and others stay in turn")
{
    const auto resolved = all({"::1", "::2", "10.0.0.1", "10.0.0.2"});
    CHECK(order_of_attempts(resolved, {at("10.0.0.2"), {}}) == all({"10.0.0.2", "::1", "10.0.0.1", "::2"}));
    CHECK(order_of_attempts(resolved, {{}, at("::1")}) == all({"10.0.0.1", "::2", "10.0.0.2", "::1"}));
    CHECK(order_of_attempts(resolved, {at("10.9.9.9"), at("::9")}) == all({"::1", "10.0.0.1", "::2", "10.0.0.2"}));
}

TEST_CASE("connection attempts: the next begins 250 ms after the last one, and no sooner")
{
    attempt_pace pace(3);
    CHECK(pace.next(t0) == 0);
    CHECK(pace.due() == t0 + 250ms);
    CHECK_FALSE(pace.next(t0 + 249ms));
    CHECK(pace.next(t0 + 250ms) == 1);
    CHECK_FALSE(pace.next(t0 + 250ms));
    CHECK(pace.next(t0 + 600ms) == 2);
    CHECK_FALSE(pace.due());
    CHECK_FALSE(pace.next(t0 + 10s));
}

TEST_CASE("connection attempts: where one has failed the next begins at once, and the one behind it 250 ms later")
{
    attempt_pace pace(3);
    CHECK(pace.next(t0) == 0);
    pace.failed();
    CHECK(pace.next(t0 + 1ms) == 1);
    CHECK_FALSE(pace.next(t0 + 250ms));
    CHECK(pace.next(t0 + 251ms) == 2);
    pace.failed();
    CHECK_FALSE(pace.is_over());
    pace.failed();
    CHECK(pace.is_over());
}
