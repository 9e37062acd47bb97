#include "server/upstream/name_lookup.hpp"

#include "tests/support/stepped_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

// A name service that answers when the test says so.
struct asked_names : stepped_loop
{
    using told = std::shared_ptr<std::optional<resolved>>;

    told ask(std::chrono::seconds within = 5s, const std::string& host = "api.gong.example")
    {
        auto to = std::make_shared<std::optional<resolved>>();
        auto wait = [](asked_names& a, std::string h, std::chrono::seconds w, told t) -> task<void> {
            const host_port at{h, 443};
            t->emplace(co_await a.names->resolve(at, a.clock, a.clock.steady() + w));
        };
        asio::co_spawn(loop, wait(*this, host, within, to), asio::detached);
        settle();
        return to;
    }
    void answer(std::size_t number, const resolved& r)
    {
        services.at(number)(r);
        settle();
    }

    std::vector<std::function<void(const resolved&)>> services;  // that are being asked
    std::shared_ptr<name_lookup> names = std::make_shared<name_lookup>(
        [this](executor, const host_port&, std::function<void(const resolved&)> done) { services.push_back(done); });
};

const resolved found{{}, {tcp::endpoint(asio::ip::make_address("10.0.0.1"), 443)}};
const resolved unknown{asio::error::host_not_found, {}};

}  // namespace

TEST_CASE("name lookup: all who wait share one question; who comes behind its answer asks anew")
{
    asked_names n;
    auto one = n.ask(), two = n.ask(), three = n.ask();
    CHECK(n.services.size() == 1);
    CHECK_FALSE(one->has_value());
    n.answer(0, found);
    for (const auto& each : {one, two, three})
    {
        REQUIRE(each->has_value());
        CHECK((*each)->endpoints == found.endpoints);
    }
    auto late = n.ask();
    CHECK(n.services.size() == 2);
    n.answer(1, unknown);
    REQUIRE(late->has_value());
    CHECK((*late)->error == asio::error::host_not_found);
}

TEST_CASE("name lookup: each waits until its own deadline, and no longer")
{
    asked_names n;
    auto hasty = n.ask(1s), patient = n.ask(3s);
    n.advance(1s);
    REQUIRE(hasty->has_value());
    CHECK((*hasty)->error == asio::error::timed_out);
    CHECK_FALSE(patient->has_value());
    n.answer(0, found);
    REQUIRE(patient->has_value());
    CHECK_FALSE((*patient)->error);
}

TEST_CASE("name lookup: a question that hangs for 5 s is not waited for by those who come later")
{
    asked_names n;
    n.ask();
    n.advance(4999ms);
    n.ask();
    CHECK(n.services.size() == 1);
    n.advance(1ms);
    auto later = n.ask();
    CHECK(n.services.size() == 2);
    n.answer(0, unknown);  // the other question may yet be answered
    CHECK_FALSE(later->has_value());
    n.answer(1, found);
    REQUIRE(later->has_value());
    CHECK_FALSE((*later)->error);
}

TEST_CASE("name lookup: of several questions the first that finds the name answers all who wait")
{
    asked_names n;
    auto first = n.ask(20s);
    n.advance(5s);
    auto second = n.ask(20s);
    n.advance(4999ms);
    n.ask(20s);
    CHECK(n.services.size() == 2);  // the second question has been under way for less than 5 s
    n.answer(0, found);
    for (const auto& each : {first, second})
    {
        REQUIRE(each->has_value());
        CHECK((*each)->endpoints == found.endpoints);
    }
}

TEST_CASE("name lookup: the name service is not asked for an address")
{
    asked_names n;
    auto address = n.ask(5s, "::1");
    CHECK(n.services.empty());
    REQUIRE(address->has_value());
    CHECK((*address)->endpoints.front() == tcp::endpoint(asio::ip::make_address("::1"), 443));
}

TEST_CASE("name lookup: who waits when the loop has stopped is not held")
{
    asked_names n;
    auto waits = n.ask();
    CHECK(waits.use_count() == 2);
    n.names->abandon();
    n.settle();
    CHECK(waits.use_count() == 1);
    CHECK_FALSE(waits->has_value());
}
