#include "server/admin/purge_order.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

using list = std::vector<std::string>;

// The names that it asks for, {"(all)"}, or {"(refused)"}.
list asked(std::string_view json)
{
    auto read = read_purge_order(json);
    if (auto* why = std::get_if<std::string>(&read))
    {
        CHECK_FALSE(why->empty());
        return {"(refused)"};
    }
    auto& order = std::get<purge_order>(read);
    if (!order.all) return order.names;
    CHECK(order.names.empty());
    return {"(all)"};
}

}  // namespace

TEST_CASE("purge order: ids, paths without their query, or everything")
{
    CHECK(asked(R"({"ids": ["7782342274025937895"]})") == list{"7782342274025937895"});
    CHECK(asked(R"({"ids": ["1", "/v2/users/7", "\u0032", "1"]})") == list{"1", "/v2/users/7", "2", "1"});
    CHECK(asked(R"({"ids": ["/v2/users/7?a=1", "/?x"]})") == list{"/v2/users/7", "/"});
    CHECK(asked(R"({"all": true})") == list{"(all)"});
}

TEST_CASE("purge order: whatever leaves a doubt is refused as a whole, and drops nothing")
{
    for (const char* json : {"",
                             " ",
                             "{}",
                             "[]",
                             "true",
                             "\"all\"",
                             R"({"all": true)",
                             R"({"all": false})",
                             R"({"all": 1})",
                             R"({"all": "true"})",
                             R"({"ALL": true})",
                             R"({"all": true, "ids": ["1"]})",
                             R"({"all": true, "all": true})",
                             R"({"all": true} {"all": true})",
                             R"({"all\u0000": true})",
                             R"({"ids": []})",
                             R"({"ids": "1"})",
                             R"({"ids": {"1": "1"}})",
                             R"({"ids": [1]})",
                             R"({"ids": ["1", 2]})",
                             R"({"ids": ["1", ""]})",
                             R"({"ids": ["1", null]})",
                             R"({"ids": ["1", ["2"]]})",
                             R"({"ids": ["123456789012345678901"]})",
                             R"({"ids": ["12a"]})",
                             R"({"ids": ["1\u0000"]})",
                             R"({"ids": [" 1"]})",
                             R"({"ids": ["v2/users/7"]})",
                             R"({"ids": ["/v2/users 7"]})",
                             R"({"ids": ["/v2/\u00e4"]})",
                             R"({"ids": ["/v2/\u0007"]})",
                             R"({"ids": ["*"]})",
                             R"({"id": ["1"]})",
                             "{\"ids\": [\"\xff\"]}"})
    {
        CAPTURE(json);
        CHECK(asked(json) == list{"(refused)"});
    }
    CHECK(asked(std::string(1'000'000, '[')) == list{"(refused)"});  // no recursion
}

TEST_CASE("purge order: a call's id and a path can be purged, and a path has a bound")
{
    CHECK(is_purgeable("12345678901234567890"));
    CHECK(is_purgeable("/"));
    CHECK(is_purgeable("/" + std::string(4095, 'x')));
    for (const std::string& name : {std::string(), std::string("123456789012345678901"), std::string("-1"),
                                    std::string("1 "), std::string("users"), std::string("/a b"), std::string("/a\x7f"),
                                    std::string("/a\0", 3), std::string("/\xc3\xa4"), "/" + std::string(4096, 'x')})
    {
        CAPTURE(name);
        CHECK_FALSE(is_purgeable(name));
    }
}

TEST_CASE("purge order: what the command writes is what the proxy reads")
{
    CHECK(purge_body({true, {}}) == "{\"all\":true}");
    CHECK(asked(purge_body({true, {"1"}})) == list{"(all)"});
    const list names{"1", "/v2/users/7", R"(/a"b\c)", "/" + std::string(4095, 'x')};
    for (const std::string& name : names) REQUIRE(is_purgeable(name));
    CHECK(asked(purge_body({false, names})) == names);
}

TEST_CASE("purge order: it is told of how much something was kept, as far as that is known")
{
    auto told = [](bool all, std::size_t names, std::optional<std::uint64_t> kept) {
        return purged_text({all, list(names, "1")}, kept);
    };
    CHECK(told(true, 0, 0) == "nothing was kept");
    CHECK(told(true, 0, std::nullopt) == "purged: nothing is kept any more");
    CHECK(told(false, 1, 0) == "nothing was kept of what you named");
    CHECK(told(false, 3, 2) == "purged: something was kept of 2 of 3 names, and is not served any more");
    CHECK(told(false, 3, 3) == "purged: what was kept of 3 names is not served any more");
    CHECK(told(false, 1, std::nullopt) == "purged: what was kept of 1 name is not served any more");
}
