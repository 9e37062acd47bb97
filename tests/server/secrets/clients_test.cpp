#include "server/secrets/clients.hpp"

#include "server/secrets/identity.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

constexpr const char* good = R"({
    // made with openssl rand
    "etl": "0123456789abcdef-etl",
    "agent": "0123456789abcdef-agent",
})";

client_list list_of(const char* json)
{
    auto read = client_list::read(json);
    INFO((std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : ""));
    REQUIRE(std::holds_alternative<client_list>(read));
    return std::get<client_list>(std::move(read));
}

std::string name_of(const client_list& list, const std::string& authorization)
{
    const std::string* name = list.find(authorization);
    return name ? *name : "";
}

std::string basic(const std::string& name, const std::string& token)
{
    return "Basic " + base64(name + ":" + token);
}

}  // namespace

TEST_CASE("clients: a token is shown as Bearer, or as Basic with the tool's name as access key")
{
    client_list list = list_of(good);
    CHECK(list.size() == 2);
    CHECK(name_of(list, "Bearer 0123456789abcdef-etl") == "etl");
    CHECK(name_of(list, "bearer 0123456789abcdef-agent") == "agent");
    CHECK(name_of(list, basic("agent", "0123456789abcdef-agent")) == "agent");
}

TEST_CASE("clients: nothing else is a token")
{
    client_list list = list_of(good);
    for (const std::string& wrong :
         {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("Bearer 0123456789abcdef-et"),
          std::string("Bearer 0123456789abcdef-etlx"), std::string("Bearer etl"),
          std::string("Token 0123456789abcdef-etl"), std::string("0123456789abcdef-etl"),
          basic("etl", "0123456789abcdef-agent"), basic("agent", "0123456789abcdef-etl"),
          basic("", "0123456789abcdef-etl"), basic("etl", ""), std::string("Basic 0123456789abcdef-etl"),
          std::string("Bearer 0123456789abcdef-etl, Bearer x")})
    {
        INFO(wrong);
        CHECK(name_of(list, wrong) == "");
    }
}

TEST_CASE("clients: a file that is not good is refused with what is wrong, and without a token")
{
    const std::pair<const char*, const char*> bad[] = {
        {"", "expected {"},
        {"[]", "expected {"},
        {"{}", "expected {"},
        {R"({"etl": 1})", "\"etl\": a token is at least 16 characters"},
        {R"({"etl": "short-secret"})", "openssl rand"},
        {R"({"etl": "0123456789abcdef with space"})", "without spaces"},
        {R"({"etl": "0123456789abcdef\u0000"})", "without spaces"},
        {R"({"e/tl": "0123456789abcdef-secret"})", "a tool's name is"},
        {R"({"": "0123456789abcdef-secret"})", "a tool's name is"},
        {R"({"etl": "0123456789abcdef-secret", "etl": "0123456789abcdef-other"})", "\"etl\": stands there twice"},
        {R"({"etl": "0123456789abcdef-secret", "agent": "0123456789abcdef-secret"})", "\"agent\": has the same token"},
    };
    // A token that stands where the name should.
    auto swapped = client_list::read(R"({"0123456789abcdef-secret": "etl"})");
    CHECK(std::get<std::string>(swapped).starts_with("entry 1: a token is at least 16"));
    for (auto [json, why] : bad)
    {
        INFO(json);
        auto read = client_list::read(json);
        REQUIRE(std::holds_alternative<std::string>(read));
        CHECK(std::get<std::string>(read).find(why) != std::string::npos);
        CHECK(std::get<std::string>(read).find("secret") == std::string::npos);
    }
}
