#include "server/http/via.hpp"

#include "server/http/reply.hpp"

#include <doctest/doctest.h>

using namespace callcache;

TEST_CASE("via: this process knows its own name in a list of those who handed a message on, and no other")
{
    const std::string own = own_via(), name = own.substr(4);
    CHECK(own.starts_with("1.1 callcache-"));
    CHECK(name.size() == std::string("callcache-01234567").size());
    for (const std::string& via : {own, "1.0 a, " + own, own + " (comment), 1.1 b", "HTTP/1.1 " + name})
        CHECK(names_this_process(via));
    for (const std::string& via :
         {std::string(), std::string("1.1 callcache"), "1.1 x" + name, own + "0", "1.1 a (" + name + ")", name})
        CHECK_FALSE(names_this_process(via));
}

TEST_CASE("via: this process knows the body of its own answers, also where its beginning alone has come, in a chunk")
{
    const std::string body = own_answer(429, "no").body;
    CHECK(is_own_body(body));
    CHECK(is_own_body(body.substr(0, own_body_begins().size())));
    CHECK(is_own_body("1A2b;x=y\r\n" + body));
    CHECK(is_own_body("0000000000001f\r\n" + body));
    CHECK_FALSE(is_own_body(std::string(17, ' ') + body));
    CHECK_FALSE(is_own_body(body.substr(0, own_body_begins().size() - 1)));
    CHECK_FALSE(is_own_body(R"({"requestId":"cc-","errors":["callcache: of another process"]})"));
    CHECK_FALSE(is_own_body(""));
}
