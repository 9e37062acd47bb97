#include "server/front/asker.hpp"

#include <doctest/doctest.h>

using namespace callcache;

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
    asker from;
    route_settings users{};
    routed to{route::lookup, {}, "/v2/calls/1", "1"};

    const std::string& tool_of(std::string_view user_agent)
    {
        from.counted.find(to, user_agent, from.client, from.credential, counts);
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
    CHECK(h.tool_of("curl/8.0") == "curl/8.0");
    CHECK(h.tool_of("") == "unnamed");
    h.from.credential.show("Basic YTpi", nullptr, h.known);
    h.from.counted.forget();
    CHECK(h.tool_of("curl/8.0") == "curl/8.0 #" + hex(h.from.credential.whose()->name(), 2));
    h.to.tool = "etl";
    CHECK(h.tool_of("curl/8.0") == "etl");
    h.from.client.show(token, clients(R"({"agent": "0123456789abcdef"})"));
    h.from.counted.forget();
    CHECK(h.tool_of("curl/8.0") == "agent");
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
