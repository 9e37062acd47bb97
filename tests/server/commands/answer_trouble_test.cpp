#include "server/commands/answer_trouble.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const own_address asked{{"localhost", 4665}, false};

std::string said(const own_answer_read& answer, std::string_view flag = "--admin")
{
    return answer_trouble(asked, answer, "did not resume", flag);
}

}  // namespace

TEST_CASE("a command that nothing answers says where it asked, and how to start callcache or name another address")
{
    CHECK(said({0, "", "Connection refused"}) ==
          "nothing answers at localhost:4665 (Connection refused). Start callcache with `callcache serve`; if it runs "
          "at another address, name that with --admin HOST:PORT");
    CHECK(said({0, "", "Connection refused"}, "--listen").ends_with("name that with --listen HOST:PORT"));
    CHECK(answer_trouble({{"::1", 1}, false}, {}, "did not resume").starts_with("nothing answers at [::1]:1 "));
}

TEST_CASE("a command that something else answers says so, whatever that is")
{
    const std::string other = "what answers at localhost:4665 is not callcache (";
    const std::string name = "). Name the address of callcache with --admin HOST:PORT";
    CHECK(said({0, "", "what it sends is no HTTP", true}) == other + "what it sends is no HTTP" + name);
    for (int status : {200, 404, 500})
        for (const char* body : {"", "<html>", "[1]", R"({"errors":[]})", R"({"errors":["no"]})", R"({"errors":7})"})
            CHECK(said({status, body, "", true}) == other + "status " + std::to_string(status) + name);
}

TEST_CASE("a command that callcache refuses says why, and callcache's name once")
{
    CHECK(said({422, R"({"requestId":"cc-1","errors":["callcache: the configuration stays as it was"]})", "", true}) ==
          "localhost:4665 did not resume: status 422, the configuration stays as it was");
    CHECK(said({404, R"({"errors":["callcache: \"/resume\" is none of Gong's paths, which …"]})", "", true}) ==
          "localhost:4665 is where callcache answers tools. Name its address for the operator (server.admin) with "
          "--admin HOST:PORT");
}
