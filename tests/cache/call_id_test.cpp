#include "cache/call_id.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace callcache;

TEST_CASE("call_id: an id is 1 to 20 digits, and opaque")
{
    for (std::string id : {"1", "0", "000", "7782342274025937895", "99999999999999999999", "18446744073709551616"})
    {
        CAPTURE(id);
        CHECK(is_call_id(id));
    }
    for (std::string text : {"", " ", "999999999999999999999", "12ab", "+1", "-1", "1.0", "0x1", "1 ", " 1", "%31",
                             "1\n", "\xef\xbc\x91", "\xd9\xa1"})
    {
        CAPTURE(text);
        CHECK_FALSE(is_call_id(text));
    }
    CHECK_FALSE(is_call_id(std::string_view("1\0", 2)));
}
