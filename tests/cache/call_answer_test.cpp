#include "cache/call_answer.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

bool understood(std::string_view body)
{
    return read_call_answer(body).has_value();
}

std::string repeat(std::string_view text, int times)
{
    std::string all;
    while (times-- > 0) all += text;
    return all;
}

// An answer whose innermost array is the `depth`th level; the answer and the call are the first two.
std::string nested(int depth)
{
    return R"({"call":{"id":"1","x":)" + repeat("[", depth - 2) + repeat("]", depth - 2) + "}}";
}

}  // namespace

TEST_CASE("call_answer: the vendor's example is understood")
{
    std::string call =
        R"({"id":"7782342274025937895","url":"https://app.gong.io/call?id=7782342274025937895",)"
        R"("title":"Example call","scheduled":"2018-02-17T10:30:00Z","started":"2018-02-17T10:30:00Z",)"
        R"("duration":460,"sdrDisposition":null,"isPrivate":false,"calendarEventId":"abcde@google.com"})";
    std::string body = R"({"requestId":"4al018gzaztcr8nbukw","call":)" + call + "}";
    auto a = read_call_answer(body);
    REQUIRE(a);
    CHECK(a->id == "7782342274025937895");
    CHECK(a->call == call);
    CHECK(a->started == wall_time{1518863400s});
    CHECK_FALSE(a->is_private);
}

TEST_CASE("call_answer: the call's bytes are exactly the vendor's, in the body itself")
{
    for (std::string call : {
             R"({"id":"1"})",
             "{ \"id\" : \"1\" ,\r\n\t\"title\" : \"}{][\\\"}\" }",
             "{\"id\":\"1\",\"title\":\"Gr\xc3\xbc\xc3\x9f Gott \xf0\x9f\x98\x80\"}",
             R"({"id":"1","title":"\u0047\ud83d\ude00\/\\"})",
             R"({"id":"1","call":{"id":"2"},"list":[{"id":"3"},[],{}]})",
             R"({"x":{},"id":"1"})",
             R"({"id":"1","n":-0.00,"m":1E+2,"k":100000000000000000000000000000000000})",
         })
    {
        CAPTURE(call);
        std::string body = " \n{ \"requestId\" : \"r\" , \"call\" :  " + call + "  , \"more\" : [ 1 ] } \r\n\t ";
        auto a = read_call_answer(body);
        REQUIRE(a);
        CHECK(a->call == call);
        CHECK(a->call.data() == body.data() + body.find(call));
        CHECK(a->id == "1");
    }
}

TEST_CASE("call_answer: keys are found wherever they stand, and however they are escaped")
{
    CHECK(read_call_answer(R"({"call":{"id":"5"},"requestId":"r"})")->id == "5");
    CHECK(read_call_answer(R"({"\u0063all":{"\u0069d":"\u0035"}})")->id == "5");
    CHECK(read_call_answer(R"({"call":{"title":"id","id":"5"}})")->id == "5");
}

TEST_CASE("call_answer: decoys are not the call")
{
    struct
    {
        std::string body, id;
    } cases[] = {
        {R"({"meta":{"call":{"id":"9"}},"call":{"id":"5"}})", "5"},
        {R"({"call":{"id":"5"},"meta":{"call":{"id":"9"}}})", "5"},
        {R"({"list":[{"call":{"id":"9"}},{"id":"9"}],"call":{"id":"5"}})", "5"},
        {R"({"id":"9","call":{"id":"5"}})", "5"},
        {R"({"call":{"parties":[{"id":"9"}],"id":"5","x":{"id":"9","y":{"id":"9"}}}})", "5"},
        {R"({"call":{"call":{"id":"9"},"id":"5"}})", "5"},
        {R"({"call":{"id":"5","x":{"started":"2018-02-17T10:30:00Z","isPrivate":true}}})", "5"},
        {R"({"isPrivate":true,"started":"2018-02-17T10:30:00Z","call":{"id":"5"}})", "5"},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.body);
        auto a = read_call_answer(c.body);
        REQUIRE(a);
        CHECK(a->id == c.id);
        CHECK_FALSE(a->started);
        CHECK_FALSE(a->is_private);
    }
    for (std::string body : {R"({"meta":{"call":{"id":"5"}}})", R"({"call":{"x":{"id":"5"}}})",
                             R"({"id":"5","call":{}})", R"({"call":{},"id":"5"})", R"([{"call":{"id":"5"}}])",
                             R"([{"call":1},{"id":"5"}])", R"({"x":["call",{"id":"5"}]})"})
    {
        CAPTURE(body);
        CHECK_FALSE(understood(body));
    }
}

TEST_CASE("call_answer: a repeated key is in doubt, and not kept")
{
    for (std::string body : {
             R"({"call":{"id":"5"},"call":{"id":"5"}})",
             R"({"call":{"id":"5"},"call":null})",
             R"({"call":null,"call":{"id":"5"}})",
             R"({"call":{"id":"5","id":"5"}})",
             R"({"call":{"id":"5","id":"6"}})",
             R"({"call":{"id":null,"id":"5"}})",
             R"({"call":{"id":"5","\u0069d":"6"}})",
             R"({"call":{"id":"5"},"c\u0061ll":{"id":"6"}})",
             R"({"call":{"id":"5","isPrivate":true,"isPrivate":false}})",
         })
    {
        CAPTURE(body);
        CHECK_FALSE(understood(body));
    }
}

TEST_CASE("call_answer: a call that is no object, or an id that is no string, is not kept")
{
    for (std::string body :
         {R"({"call":[]})", R"({"call":[{"id":"5"}]})", R"({"call":"5"})", R"({"call":null})", R"({"call":5})",
          R"({"call":true})", R"({"call":{}})", R"({"call":{"id":5}})", R"({"call":{"id":null}})",
          R"({"call":{"id":""}})", R"({"call":{"id":["5"]}})", R"({"call":{"id":{"id":"5"}}})",
          R"({"call":{"ID":"5"}})", R"({"Call":{"id":"5"}})", R"({})", R"({"requestId":"r"})"})
    {
        CAPTURE(body);
        CHECK_FALSE(understood(body));
    }
}

TEST_CASE("call_answer: what is not one whole JSON object is not kept")
{
    const std::string good = R"({"requestId":"r","call":{"id":"5","title":"t"}})";
    REQUIRE(understood(good));
    for (std::size_t n = 0; n < good.size(); ++n)
    {
        CAPTURE(n);
        CHECK_FALSE(understood(good.substr(0, n)));
    }
    for (std::string tail : {"x", "}", "{}", ",", "null", "//", "/* */", "\xff"}) CHECK_FALSE(understood(good + tail));
    CHECK_FALSE(understood(good + std::string(1, '\0')));
    CHECK_FALSE(understood(good + std::string("\0{", 2)));
    CHECK_FALSE(understood("\xef\xbb\xbf" + good));
    for (std::string body :
         {"", " ", "null", "5", "\"call\"", "[]", "{call:{id:\"5\"}}", "{'call':{'id':'5'}}", R"({"call":{"id":"5",}})",
          R"({"call":{"id":"5"} "x":1})", R"({"call":{"id":"5"},})", R"({"call":{"id":"5","x":NaN}})",
          R"({"call":{"id":"5","x":01}})", R"({"call":{"id":"5","x":+1}})", "{\"call\":{\"id\":\"5\",\"x\":\"a\nb\"}}",
          R"({"call":{"id":"5","x":"\x"}})", R"({"call":{"id":"5"]}})", R"({"call":{"id":"5","x":[}]})"})
    {
        CAPTURE(body);
        CHECK_FALSE(understood(body));
    }
}

TEST_CASE("call_answer: a NUL within is not kept, wherever it stands")
{
    const std::string good = R"({"requestId":"r","call":{"id":"5","title":"t"}})";
    for (std::size_t at = 0; at <= good.size(); ++at)
    {
        CAPTURE(at);
        std::string body = good;
        CHECK_FALSE(understood(body.insert(at, 1, '\0')));
    }
}

TEST_CASE("call_answer: what is not UTF-8 is not JSON (RFC 8259, section 8.1)")
{
    for (std::string bytes : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe4 "})
        CHECK_FALSE(understood("{\"call\":{\"id\":\"5\",\"title\":\"" + std::string(bytes) + "\"}}"));
}

TEST_CASE("call_answer: half a surrogate pair is kept as it stands, and is no id, name or time")
{
    for (std::string half : {R"(\ud83d)", R"(\ude00)", R"(\ude00\ud83d)", R"(\ud83d\u0041)"})
    {
        CAPTURE(half);
        std::string call = R"({"id":"5","x":")" + half + R"(","started":")" + half + R"(",")" + half + R"(":1})";
        std::string body = R"({"requestId":")" + half + R"(","call":)" + call + "}";
        auto a = read_call_answer(body);
        REQUIRE(a);
        CHECK(a->call == call);
        CHECK_FALSE(a->started);
        CHECK_FALSE(understood(R"({"call":{"id":")" + half + R"("}})"));
        CHECK_FALSE(understood(R"({"call":{"id)" + half + R"(":"5"}})"));
        CHECK(is_vendor_error(R"({"requestId":"r","errors":[")" + half + R"("]})"));
    }
}

TEST_CASE("call_answer: a number may have as many digits as it likes, also beyond what a double reaches")
{
    for (std::string number : {"12345678901234567890123", "-0", "1.7e308", "-1e-400",
                               "0.1000000000000000055511151231257827", "1e999", "-1E+400"})
    {
        CAPTURE(number);
        CHECK(understood(R"({"call":{"id":"5","x":)" + std::string(number) + "}}"));
    }
    CHECK(understood(R"({"call":{"id":"5","x":)" + std::string(400, '9') + "}}"));
}

TEST_CASE("call_answer: depth is bounded at 64, and hostile nesting does not overflow the stack")
{
    CHECK(understood(nested(64)));
    CHECK_FALSE(understood(nested(65)));
    CHECK_FALSE(understood(nested(100'000)));
    CHECK_FALSE(understood(std::string(1 << 20, '[')));
    CHECK_FALSE(understood(repeat("{\"a\":", 200'000)));
    CHECK_FALSE(understood(R"({"call":{"id":"5","x":)" + std::string(1'000'000, '[')));
    CHECK_FALSE(is_vendor_error(std::string(1 << 20, '[')));
}

TEST_CASE("call_answer: an answer of 1 MiB is kept, one of a byte more is not")
{
    std::string head = R"({"call":{"id":"5","title":")", tail = "\"}}";
    std::string body = head + std::string((1 << 20) - head.size() - tail.size(), 'x') + tail;
    REQUIRE(body.size() == call_answer_bytes_max);
    CHECK(understood(body));
    CHECK_FALSE(understood(body + " "));
}

TEST_CASE("call_answer: a start that is not a time is no start")
{
    for (std::string started :
         {"null", "\"\"", "\"yesterday\"", "1518863400", "[\"2018-02-17T10:30:00Z\"]", "{}", "true"})
    {
        CAPTURE(started);
        auto a = read_call_answer(R"({"call":{"id":"5","started":)" + std::string(started) + "}}");
        REQUIRE(a);
        CHECK_FALSE(a->started);
    }
    CHECK(read_call_answer(R"({"call":{"started":"2018-02-17T12:30:00.000+02:00","id":"5"}})")->started ==
          wall_time{1518863400s});
}

TEST_CASE("call_answer: a call is private if it says so")
{
    CHECK(read_call_answer(R"({"call":{"id":"5","isPrivate":true}})")->is_private);
    CHECK(read_call_answer(R"({"call":{"isPrivate":true,"id":"5","x":{"isPrivate":false}}})")->is_private);
    CHECK_FALSE(read_call_answer(R"({"call":{"id":"5","isPrivate":false}})")->is_private);
    CHECK_FALSE(read_call_answer(R"({"call":{"id":"5","isPrivate":null}})")->is_private);
}

TEST_CASE("is_vendor_error: one whole object with one request id and one list of errors, whatever else it holds")
{
    for (std::string body :
         {R"({"requestId":"r","errors":["Call ID 5 was not found"]})", R"( {"errors":[],"requestId":""} )",
          R"({"x":{"errors":1},"requestId":"r","errors":[{"id":"5"},[1]],"call":null})"})
    {
        CAPTURE(body);
        CHECK(is_vendor_error(body));
    }
    for (std::string body : {"",
                             "[]",
                             "null",
                             "5",
                             "\"{}\"",
                             "{",
                             "{}",
                             "<html>",
                             "{\"a\"}",
                             R"({"message":"no Route matched"})",
                             R"({"requestId":"r"})",
                             R"({"errors":[]})",
                             R"({"requestId":1,"errors":[]})",
                             R"({"requestId":null,"errors":[]})",
                             R"({"requestId":"r","errors":"no"})",
                             R"({"requestId":"r","errors":{}})",
                             R"({"requestId":"r","errors":null})",
                             R"({"requestId":"r","errors":[]}{})",
                             R"({"requestId":"r","errors":[]} x)",
                             R"({"requestId":"r","errors":[)",
                             R"([{"requestId":"r","errors":[]}])",
                             R"({"x":{"requestId":"r","errors":[]}})",
                             R"({"requestId":"r","requestId":"r","errors":[]})",
                             R"({"requestId":"r","errors":[],"errors":[]})",
                             "\xef\xbb\xbf{\"requestId\":\"r\",\"errors\":[]}"})
    {
        CAPTURE(body);
        CHECK_FALSE(is_vendor_error(body));
    }
}

TEST_CASE("is_same_json: white space, the order of members, escapes and how a number is written do not matter")
{
    struct
    {
        std::string one, other;
    } same[] = {
        {R"({"a":1,"b":[1,2]})", " { \"b\" : [ 1 , 2 ] ,\n\"a\" : 1 } "},
        {R"({"a":"\u00e9\/\ud83d\ude00"})", "{\"\\u0061\":\"\xc3\xa9/\xf0\x9f\x98\x80\"}"},
        {R"([1.0,1e2,-0.5,0.1])", R"([1,100,-5e-1,0.10])"},
        {R"({"x":"\ud83d","y":1e999,"z":{}})", R"({"z":{},"y":1e999,"x":"\uD83D"})"},
        {R"([{"a":{"b":1,"c":2}},[]])", R"([{"a":{"c":2,"b":1}},[]])"},
        {R"("a")", R"("\u0061")"},
    };
    for (const auto& s : same)
    {
        CAPTURE(s.one);
        CHECK(is_same_json(s.one, s.other));
        CHECK(is_same_json(s.other, s.one));
    }
}

TEST_CASE("is_same_json: texts that say different things are not the same, however alike; nor is what is not JSON")
{
    struct
    {
        std::string one, other;
    } different[] = {
        {R"({"a":1})", R"({"a":2})"},
        {R"({"a":1})", R"({"a":"1"})"},
        {R"({"a":1})", R"({"b":1})"},
        {R"({"a":1})", R"({"a":1,"b":null})"},
        {R"({"a":{"b":1}})", R"({"a":{},"b":1})"},
        {R"({"a":null})", R"({"a":false})"},
        {R"([1,2])", R"([2,1])"},
        {R"([1,[2]])", R"([[1],2])"},
        {R"([])", R"({})"},
        {R"([[]])", R"([[],[]])"},
        {R"(["a","b"])", R"(["a\",\"b"])"},
        {R"(["a","b"])", R"(["a,:\"b"])"},
        {R"({"a":"b\",:1\"c"})", R"({"a":"b","c":""})"},
        {R"({"x":"\ud83d"})", R"({"x":"\ude00"})"},
        {R"([9007199254740993])", R"([9007199254740992])"},
        {R"([1e999])", R"([1e998])"},
        {R"([1e999])", R"([-1e999])"},
        {R"({"a":1})", R"({"a":1)"},
    };
    for (const auto& d : different)
    {
        CAPTURE(d.one);
        CHECK_FALSE(is_same_json(d.one, d.other));
        CHECK_FALSE(is_same_json(d.other, d.one));
    }
    for (std::string bad : {"", " ", "[", "nul", "[1]]", "{\"a\"}"}) CHECK_FALSE(is_same_json(bad, bad));
}
