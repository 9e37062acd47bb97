#include "cache/invalidation.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const kept_routes routes{{"/v2/users/{id}", std::chrono::hours(1)}, {"/v2/users", std::chrono::hours(1)}};

std::vector<std::string> names(std::string target)
{
    return changed_by(false, target, routes).names;
}
using list = std::vector<std::string>;

}  // namespace

TEST_CASE("invalidation: an unsafe method changes its path, and what is never kept is not named")
{
    CHECK(names("/v2/users/5") == list{"/v2/users/5"});
    CHECK(names("/v2/users/5?x=1") == list{"/v2/users/5"});
    CHECK(names("/v2/users") == list{"/v2/users"});
    CHECK(names("/v2/users/") == list{"/v2/users"});
    CHECK(names("/v2/tasks").empty());
    CHECK(names("/v2/calls/extensive").empty());
    CHECK(names("*").empty());
    CHECK(changed_by(true, "/v2/users/5", routes).is_nothing());
}

TEST_CASE("invalidation: what is changed below a call changes the call")
{
    CHECK(names("/v2/calls/123") == list{"123"});
    CHECK(names("/v2/calls/123/media") == list{"123"});
    CHECK(names("/v2/calls/123/media?x") == list{"123"});
    CHECK(names("/v2/calls/12a/media").empty());
}

TEST_CASE("invalidation: a path is taken as a server may read it")
{
    CHECK(names("/v2/calls/%31%32/media") == list{"12"});
    CHECK(names("//v2///calls/12//media") == list{"12"});
    CHECK(names("/v2/users/%35") == list{"/v2/users/5"});
    CHECK(names("/v2/users/5%").empty() == false);
    CHECK(names("/v2/users/%zz") == list{"/v2/users/%zz"});
}

TEST_CASE("invalidation: an erasure is one however it is written")
{
    for (const char* target :
         {"/v2/data-privacy/erase-data-for-email-address", "/v2/data-privacy/erase-data-for-phone-number?phoneNumber=1",
          "/v2/data-privacy/erase-data-for-something-new", "/v2/data-privacy/erase%2Ddata-for-email-address",
          "//v2/data-privacy//erase-data-for-email-address", "/v2/Data-Privacy/Erase-data-for-email-address"})
    {
        CAPTURE(target);
        CHECK(changed_by(false, target, routes).erases);
        CHECK_FALSE(changed_by(true, target, routes).erases);
    }
    CHECK_FALSE(changed_by(false, "/v2/data-privacy/data-for-email-address", routes).erases);
    CHECK_FALSE(changed_by(false, "/v2/users?x=/v2/data-privacy/erase-data-for-x", routes).erases);
}

TEST_CASE("invalidation: Location and Content-Location count where they are of the vendor itself")
{
    auto located = [](std::string location) {
        invalidation i = changed_by(false, "/v2/tasks", routes);
        add_location(i, location, "https://api.gong.io", routes);
        return i.names;
    };
    CHECK(located("/v2/users/7") == list{"/v2/users/7"});
    CHECK(located("https://api.gong.io/v2/users/7#x") == list{"/v2/users/7"});
    CHECK(located("/v2/calls/7?x=1") == list{"7"});
    CHECK(located("https://api.gong.io.evil.example/v2/users/7").empty());
    CHECK(located("//evil.example/v2/users/7").empty());
    CHECK(located("//v2/users/7").empty());  // of a host that is called v2
    CHECK(located("//v2/calls/7").empty());
    CHECK(located("users/7").empty());
    CHECK(located("").empty());
}

TEST_CASE("invalidation: the answer to a safe method names nothing that changed")
{
    invalidation i = changed_by(true, "/v2/users/5", routes);
    add_location(i, "/v2/users/7", "https://api.gong.io", routes);
    CHECK(i.is_nothing());
}

TEST_CASE("invalidation: what counts as done, by the answer, by how much was sent, and by whose it is")
{
    struct
    {
        unsigned status;
        bool whole_and_accepted, whole_of_a_stranger, broken_off;
    } rows[] = {{200, true, true, true},    {201, true, true, true},    {299, true, true, true},
                {400, false, false, false}, {401, false, false, false}, {499, false, false, false},
                {0, true, false, false},    {302, true, false, false},  {500, true, false, false},
                {503, true, false, false},  {599, true, false, false}};
    for (const auto& row : rows)
    {
        CAPTURE(row.status);
        CHECK(counts_as_done({row.status, true, true}) == row.whole_and_accepted);
        CHECK(counts_as_done({row.status, true, false}) == row.whole_of_a_stranger);
        CHECK(counts_as_done({row.status, false, true}) == row.broken_off);
        CHECK(counts_as_done({row.status, false, false}) == (row.broken_off && row.whole_of_a_stranger));
    }
}
