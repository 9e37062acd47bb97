#include "server/front/asker.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr const char* token = "Bearer 0123456789abcdef";

std::shared_ptr<const client_list> clients(const char* json)
{
    auto read = client_list::read(json);
    REQUIRE(std::holds_alternative<client_list>(read));
    return std::make_shared<const client_list>(std::move(std::get<client_list>(read)));
}

struct harness
{
    partitions known{"salt", "https://api.gong.io", {}};
    request_counts counts;
    tool_names names;
    asker from;
    route_settings users{};
    routed to{route::lookup, {}, "/v2/calls/1", "1"};

    const std::string& tool_of(std::string_view user_agent)
    {
        from.counted.find(to, user_agent, from.client, from.credential, {counts, names});
        return from.counted.tool();
    }
};

}  // namespace

TEST_CASE("asker: a client is looked up again when it shows another token, or the list was read again, and only then")
{
    asking_client c;
    auto list = clients(R"({"etl": "0123456789abcdef"})"), again = clients(R"({"agent": "0123456789abcdef"})");
    CHECK(c.show(token, list));
    CHECK(c.name() == "etl");
    CHECK_FALSE(c.show(token, list));
    CHECK(c.show("Bearer another-0123456789", list));
    CHECK(c.name() == "");
    CHECK_FALSE(c.show("Bearer another-0123456789", list));
    CHECK(c.show("", list));
    CHECK(c.name() == "");
    CHECK(c.show(token, again));
    CHECK(c.name() == "agent");
}

TEST_CASE("asker: a connection's next credential reads no partition of the one before, nor of its routes")
{
    harness h;
    asking_credential& c = h.from.credential;
    CHECK_FALSE(c.show("", nullptr, h.known));  // none, as before
    CHECK_FALSE(c.whose());
    CHECK(c.show("Basic YTpi", nullptr, h.known));
    const partition_ptr calls = c.whose(), route = c.whose(&h.users, h.known);
    CHECK(c.whose(nullptr, h.known) == calls);
    CHECK(route != calls);
    CHECK(c.whose(&h.users, h.known) == route);
    CHECK_FALSE(c.show("Basic YTpi", nullptr, h.known));
    CHECK(c.whose(&h.users, h.known) == route);
    CHECK(c.show("Basic YzpkZWY=", nullptr, h.known));
    CHECK(c.authorization() == "Basic YzpkZWY=");
    CHECK(c.whose() != calls);
    CHECK(c.whose(&h.users, h.known) != route);
    CHECK(c.show("", nullptr, h.known));
    CHECK_FALSE(c.whose());
}

TEST_CASE("asker: callcache's own credential goes upstream, whatever the tool shows, and also if it cannot be read")
{
    harness h;
    asking_credential& c = h.from.credential;
    const injected_credential own{"Basic YTpi", identity_of("Basic YTpi")}, unread{"", own.who};
    CHECK(c.show("Bearer of-a-tool", &own, h.known));
    CHECK(c.authorization() == "Basic YTpi");
    const partition_ptr whose = c.whose();
    CHECK_FALSE(c.show("Bearer of-another", &own, h.known));
    CHECK(c.show("", &unread, h.known));
    CHECK(c.authorization() == "");
    CHECK(c.whose() == whose);
}

TEST_CASE("asker: a tool is its token's name, else the name in its base URL, else its User-Agent and credential")
{
    harness h;
    CHECK(h.tool_of("curl/8.0") == "curl");
    CHECK(h.tool_of("") == "unnamed");
    h.from.credential.show("Basic YTpi", nullptr, h.known);
    h.from.counted.forget();
    CHECK(h.tool_of("curl/8.0") == "curl #" + hex(h.from.credential.whose()->name(), 2));
    h.to.tool = "etl";
    CHECK(h.tool_of("curl/8.0") == "etl");
    h.from.client.show(token, clients(R"({"agent": "0123456789abcdef"})"));
    h.from.counted.forget();
    CHECK(h.tool_of("curl/8.0") == "agent");
}

TEST_CASE("asker: versions and comments of a User-Agent make no other tool")
{
    harness h;
    for (auto [agent, tool] : std::vector<std::pair<std::string, std::string>>{
             {"python-requests/2.31.0", "python-requests"},
             {"Python/3.11 aiohttp/3.9.1", "Python aiohttp"},
             {"Mozilla/5.0 (X11; Linux (x86_64) 5.1) AppleWebKit/537.36 (KHTML, like Gecko)", "Mozilla AppleWebKit"},
             {"my-tool 1.2.3", "my-tool"},
             {"my-tool v2", "my-tool"},
             {"my-tool(beta)2", "my-tool"},
             {"2.0", "unnamed"},
             {"(others)", "unnamed"},
             {"((((", "unnamed"},
             {") a/1 )", "a"},
             {"/1.0", "unnamed"},
             {std::string(300, 'a'), std::string(40, 'a')}})
    {
        CAPTURE(agent);
        CHECK(h.tool_of(agent) == tool);
    }
    for (int version = 0; version < 200; ++version) h.tool_of("etl/1." + std::to_string(version));
    CHECK(h.tool_of("etl/2.0") == "etl");
    CHECK(h.from.counted.name() == "etl");
}

TEST_CASE("asker: on a connection that stays, a tool is counted as the place says that it has now")
{
    harness h;
    for (std::size_t i = 0; i < tool_places_max; ++i) h.names.enter("tool " + std::to_string(i));
    h.tool_of("late/1");
    CHECK(h.from.counted.tool() == "late");
    CHECK(h.from.counted.name() == other_tools);
    h.names.replace("tool 7", "late");
    h.tool_of("late/1");
    CHECK(h.from.counted.name() == "late");
    h.from.counted.row().add(outcome::hit, 1us);
    h.names.replace("late", "later");
    h.from.counted.row().add(outcome::hit, 1us);
    h.tool_of("late/1");
    CHECK(h.from.counted.name() == other_tools);
    auto counted = h.counts.total().requests;
    CHECK(counted.size() == 1);
    CHECK(counted.at({calls_route, outcome::hit, std::string(other_tools)}) == 2);
}

TEST_CASE("asker: the row is found again for another route, name or User-Agent, and only then")
{
    harness h;
    h.tool_of("curl/8.0");
    request_counts::row* calls = &h.from.counted.row();
    h.tool_of("curl/8.0");
    CHECK(&h.from.counted.row() == calls);
    h.tool_of("python/3");
    CHECK(&h.from.counted.row() != calls);
    h.tool_of("curl/8.0");
    CHECK(&h.from.counted.row() == calls);
    h.to.tool = "etl";
    h.tool_of("curl/8.0");
    CHECK(&h.from.counted.row() != calls);
    h.to = {route::pass, {}, "/v2/users", {}};
    h.tool_of("curl/8.0");
    CHECK(&h.from.counted.row() != calls);
}
