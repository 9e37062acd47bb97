// Where the calls of list and bulk answers stand; the same rules for a single answer are in call_answer_test.cpp.

#include "cache/call_answer.hpp"
#include "cache/json_scanner.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

std::string repeat(std::string_view text, int times)
{
    std::string all;
    while (times-- > 0) all += text;
    return all;
}

std::string answer_with(const std::string& calls)
{
    return R"({"requestId":"r","records":{"totalRecords":1},"calls":)" + calls + "}";
}

// The ids that are found, each followed by a space; "nothing" if nothing of the answer is understood.
std::string ids_in(std::string_view body, bulk_kind kind = bulk_kind::list)
{
    auto a = read_bulk_answer(body, kind);
    if (!a) return "nothing";
    std::string ids;
    for (const call_answer& c : a->calls) ids += c.id + " ";
    return ids;
}

std::string metadata_in(std::string_view body)
{
    return ids_in(body, bulk_kind::extensive);
}

}  // namespace

TEST_CASE(
    "bulk_answer: a list's elements and a bulk answer's metaData are the calls, byte for byte, in the body itself")
{
    for (std::string call : {
             R"({"id":"1"})",
             "{ \"id\" : \"1\" ,\r\n\t\"title\" : \"}{][\\\"}\" }",
             "{\"id\":\"1\",\"title\":\"Gr\xc3\xbc\xc3\x9f Gott \xf0\x9f\x98\x80\"}",
             R"({"id":"1","title":"\u0047\ud83d\ude00\/\\"})",
             R"({"\u0069d":"\u0031"})",
             R"({"id":"1","call":{"id":"2"},"calls":[{"id":"3"},[],{}],"metaData":{"id":"4"}})",
             R"({"x":{},"id":"1"})",
             R"({"id":"1","n":-0.00,"m":1E+2,"k":100000000000000000000000000000000000})",
         })
    {
        CAPTURE(call);
        for (bulk_kind kind : {bulk_kind::list, bulk_kind::extensive})
        {
            std::string element = kind == bulk_kind::list
                                      ? call
                                      : R"({"context":[{"id":"8"}],"metaData": )" + call + R"( ,"parties":[]})";
            std::string body = " \n{ \"calls\" : [ " + element + "\t, " + R"({"id":"2","metaData":{"id":"2"}})" +
                               " ] , \"requestId\" :\t\"r\\u0031\" , \"more\" : [ 1 ] } \r\n";
            auto a = read_bulk_answer(body, kind);
            REQUIRE(a);
            CHECK(a->request_id == R"("r\u0031")");
            REQUIRE(a->calls.size() == 2);
            CHECK(a->calls[0].call == call);
            CHECK(a->calls[0].call.data() == body.data() + body.find(call));
            CHECK(a->calls[0].id == "1");
            CHECK(a->calls[1].id == "2");
        }
    }
}

TEST_CASE("bulk_answer: each call says of itself when it was and whether it is private")
{
    auto a = read_bulk_answer(answer_with(R"([{"id":"1","started":"2018-02-17T12:30:00+02:00","isPrivate":true},)"
                                          R"({"id":"2","started":null,"x":{"isPrivate":true}},)"
                                          R"({"started":"yesterday","id":"3","isPrivate":false}])"),
                              bulk_kind::list);
    REQUIRE(a);
    REQUIRE(a->calls.size() == 3);
    CHECK(a->calls[0].started == wall_time{1518863400s});
    CHECK(a->calls[0].is_private);
    for (int i : {1, 2})
    {
        CHECK_FALSE(a->calls[i].started);
        CHECK_FALSE(a->calls[i].is_private);
    }
}

TEST_CASE("bulk_answer: a call's body is the one that a lookup of it would have, and says the same")
{
    std::string body = R"({"requestId":"4al0\u002f18\"","calls":[{"metaData":{"id":"5", "n":1.50},"media":null}]})";
    auto a = read_bulk_answer(body, bulk_kind::extensive);
    REQUIRE(a);
    REQUIRE(a->calls.size() == 1);
    std::string alone = body_of_one(a->request_id, a->calls[0].call);
    CHECK(alone == R"({"requestId":"4al0\u002f18\"","call":{"id":"5", "n":1.50}})");
    CHECK(read_call_answer(alone)->call == a->calls[0].call);
}

TEST_CASE("bulk_answer: the cursor is that of records, decoded; without one it is the last page")
{
    struct
    {
        std::string body, cursor;
    } cases[] = {
        {R"({"requestId":"r","records":{"totalRecords":250,"cursor":"eyJ\u002fhbGci=="},"calls":[]})", "eyJ/hbGci=="},
        {R"({"records":{"cursor":"a"},"calls":[{"id":"1","cursor":"b"}],"requestId":"r","cursor":"c"})", "a"},
        {R"({"requestId":"r","records":{"x":{"cursor":"b"},"y":[{"cursor":"c"}],"cursor":null}})", ""},
        {R"({"requestId":"r","records":{"totalRecords":1},"calls":[]})", ""},
        {R"({"requestId":"r","records":[{"cursor":"b"}]})", ""},
        {R"({"requestId":"r","x":{"records":{},"cursor":"b"},"records":{}})", ""},
        {R"({"requestId":"r","records":null})", ""},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.body);
        auto a = read_bulk_answer(c.body, bulk_kind::list);
        REQUIRE(a);
        CHECK(a->cursor == c.cursor);
    }
}

TEST_CASE("bulk_answer: the total is that of records, where it is a number of calls")
{
    auto total = [](const std::string& records) {
        return read_bulk_answer(R"({"requestId":"r","totalRecords":7,"records":)" + records + "}", bulk_kind::list)
            ->total;
    };
    CHECK(total(R"({"totalRecords":20000})") == 20000);
    for (std::string none : {R"({"totalRecords":-1})", R"({"totalRecords":"5"})", R"({"x":{"totalRecords":5}})", "{}",
                             R"({"totalRecords":99999999999999999999})", "5"})
        CHECK(total(none) == 0);
}

TEST_CASE("bulk_answer: no calls are none, which is not the same as not understood")
{
    for (std::string calls : {"[]", "null", "{}", "5", R"("calls")", R"({"id":"1","metaData":{"id":"1"}})"})
    {
        CAPTURE(calls);
        CHECK(ids_in(answer_with(calls)) == "");
        CHECK(metadata_in(answer_with(calls)) == "");
    }
    CHECK(ids_in(R"({"requestId":"r"})") == "");
    CHECK(ids_in(R"({"requestId":"r","calls":[],"x":[{"id":"1"}],"y":{"z":{"id":"2"}}})") == "");
    CHECK(ids_in(R"({"requestId":"r","x":{"calls":[{"id":"1"}]},"y":[{"id":"2"}],"call":{"id":"3"}})") == "");
}

TEST_CASE("bulk_answer: of a list, what has no call's id or says something twice is left out")
{
    for (std::string bad : {"null",
                            "5",
                            "[]",
                            R"([{"id":"1"}])",
                            R"("1")",
                            "{}",
                            R"({"id":1})",
                            R"({"id":null})",
                            R"({"id":""})",
                            R"({"id":["1"]})",
                            R"({"x":{"id":"1"}})",
                            R"({"id":"12ab"})",
                            R"({"id":"123456789012345678901"})",
                            R"({"id":"\u0661"})",
                            R"({"ID":"1"})",
                            R"({"metaData":{"id":"1"}})",
                            R"({"id":"1","id":"1"})",
                            R"({"id":"1","\u0069d":"3"})",
                            R"({"id":null,"id":"1"})",
                            R"({"id":"1","isPrivate":true,"isPrivate":false})",
                            R"({"id":"1","started":null,"started":null})"})
    {
        CAPTURE(bad);
        CHECK(ids_in(answer_with("[" + bad + R"(,{"id":"2"}])")) == "2 ");
        CHECK(ids_in(answer_with(R"([{"id":"2"},)" + bad + "]")) == "2 ");
    }
    CHECK(ids_in(answer_with(R"([{"id":"12345678901234567890"}])")) == "12345678901234567890 ");
}

TEST_CASE("bulk_answer: of a bulk answer, what has no metaData with a call's id or says something twice is left out")
{
    for (std::string bad :
         {"null", "[]", "{}", R"({"metaData":null})", R"({"metaData":"1"})", R"({"metaData":{}})", R"({"id":"1"})",
          R"({"metaData":[{"id":"1"}]})", R"([{"metaData":{"id":"1"}}])", R"({"x":{"metaData":{"id":"1"}}})",
          R"({"x":[{"metaData":{"id":"1"}}]})", R"({"metaData":{"x":{"id":"1"}}})", R"({"metaData":{},"id":"1"})",
          R"({"metaData":{"id":"1"},"metaData":{"id":"1"}})", R"({"metaData":{"id":"1"},"metaData":null})",
          R"({"metaData":null,"meta\u0044ata":{"id":"1"}})", R"({"metaData":{"id":"1","id":"3"}})",
          R"({"metaData":{"id":"1","isPrivate":true,"isPrivate":true}})"})
    {
        CAPTURE(bad);
        CHECK(metadata_in(answer_with("[" + bad + R"(,{"metaData":{"id":"2"}}])")) == "2 ");
        CHECK(metadata_in(answer_with(R"([{"metaData":{"id":"2"}},)" + bad + "]")) == "2 ");
    }
    CHECK(metadata_in(answer_with(R"([{"metaData":{"metaData":null,"metaData":{"id":"9"},"id":"2"}}])")) == "2 ");
}

TEST_CASE("bulk_answer: a call that stands there twice is in doubt both times, also where one of them was left out")
{
    CHECK(ids_in(answer_with(R"([{"id":"1"},{"id":"2"},{"id":"1"}])")) == "2 ");
    CHECK(ids_in(answer_with(R"([{"id":"1"},{"id":"2"},{"id":"\u0031","title":"t"},{"id":"1"}])")) == "2 ");
    CHECK(ids_in(answer_with(R"([{"id":"1"},{"id":"2"},{"id":"1","started":null,"started":null}])")) == "2 ");
    CHECK(ids_in(answer_with(R"([{"id":"1"},{"id":"2"},{"id":"1","id":"3"}])")) == "2 ");
    CHECK(metadata_in(answer_with(R"([{"metaData":{"id":"1"}},{"metaData":{"id":"1"}}])")) == "");
}

TEST_CASE("bulk_answer: an answer that says twice what is read of it is not understood")
{
    for (std::string body : {
             R"({"requestId":"r","calls":[{"id":"1"}],"calls":[{"id":"1"}]})",
             R"({"requestId":"r","calls":[{"id":"1"}],"calls":null})",
             R"({"requestId":"r","calls":null,"c\u0061lls":[{"id":"1"}]})",
             R"({"requestId":"r","requestId":"r","calls":[{"id":"1"}]})",
             R"({"requestId":"r","records":{},"records":{"cursor":"c"},"calls":[{"id":"1"}]})",
             R"({"requestId":"r","records":{"cursor":"c","cursor":"c"},"calls":[{"id":"1"}]})",
         })
    {
        CAPTURE(body);
        CHECK(ids_in(body) == "nothing");
        CHECK(metadata_in(body) == "nothing");
    }
    CHECK(ids_in(R"({"requestId":"r","errors":[],"errors":[],"calls":[{"id":"1"}]})") == "1 ");
}

TEST_CASE("bulk_answer: an answer without a requestId of moderate size is none of the vendor's")
{
    auto with = [](const std::string& id) { return R"({"requestId":)" + id + R"(,"calls":[{"id":"1"}]})"; };
    for (std::string id : {"null", "5", "{}", R"(["r"])", R"({"requestId":"r"})"}) CHECK(ids_in(with(id)) == "nothing");
    CHECK(ids_in(R"({"calls":[{"id":"1"}]})") == "nothing");
    CHECK(ids_in(R"({"x":{"requestId":"r"},"calls":[{"id":"1","requestId":"r"}]})") == "nothing");
    CHECK(ids_in(with("\"" + std::string(request_id_bytes_max - 2, 'r') + "\"")) == "1 ");
    CHECK(ids_in(with("\"" + std::string(request_id_bytes_max - 1, 'r') + "\"")) == "nothing");
}

TEST_CASE("bulk_answer: nothing is kept of what is not one whole JSON object")
{
    const std::string good = R"({"requestId":"r","calls":[{"id":"5","metaData":{"id":"5","title":"t"}}]})";
    REQUIRE(ids_in(good) == "5 ");
    REQUIRE(metadata_in(good) == "5 ");
    for (std::size_t n = 0; n <= good.size(); ++n)
    {
        CAPTURE(n);
        std::string with_nul = good;
        CHECK(ids_in(with_nul.insert(n, 1, '\0')) == "nothing");
        if (n < good.size()) CHECK(metadata_in(good.substr(0, n)) == "nothing");
    }
    for (std::string tail : {"x", "}", "{}", ",", "null", "//", "/* */", "\xff"})
        CHECK(ids_in(good + tail) == "nothing");
    CHECK(ids_in("\xef\xbb\xbf" + good) == "nothing");
    CHECK(ids_in("[" + good + "]") == "nothing");
    for (std::string bad :
         {R"({"id":"1",})", R"({"id":"1","x":NaN})", R"({"id":"1","x":01})", "{\"id\":\"1\",\"x\":\"a\nb\"}",
          R"({"id":"1","x":"\x"})", R"({"id":"1"])", R"({"id":"1"},)", "{id:\"1\"}",
          "{\"id\":\"1\",\"title\":\"\xff\"}", "{\"id\":\"1\",\"title\":\"\xed\xa0\x80\"}"})
    {
        CAPTURE(bad);
        CHECK(ids_in(answer_with(R"([{"id":"2"},)" + std::string(bad) + "]")) == "nothing");
    }
}

TEST_CASE("bulk_answer: half a surrogate pair or a number beyond a double spoils no call, and is kept as it stands")
{
    for (std::string member : {R"("x":"\ud83d")", R"("x":1e400)", R"("\ude00":-1E+999)", R"("started":"\ud83d")"})
    {
        CAPTURE(member);
        const std::string odd = R"({"id":"1",)" + member + "}";
        std::string body = answer_with("[" + odd + R"(,{"id":"2"}])");
        auto list = read_bulk_answer(body, bulk_kind::list);
        REQUIRE(list);
        REQUIRE(list->calls.size() == 2);
        CHECK(list->calls[0].call == odd);
        CHECK(metadata_in(answer_with(R"([{"metaData":)" + odd + R"(},{)" + member + R"(,"metaData":{"id":"2"}}])")) ==
              "1 2 ");
    }
    CHECK(ids_in(answer_with(R"([{"id":"\ud83d"},{"id":"2"}])")) == "2 ");
    CHECK(read_bulk_answer(R"({"requestId":"\ud83d","calls":[]})", bulk_kind::list)->request_id == R"("\ud83d")");
}

TEST_CASE("bulk_answer: a cursor or a name beyond the bound of a text: the one is not understood, the other is no name")
{
    const std::string most(json_text_bytes_max - 2, 'c');
    auto with = [](const std::string& cursor) {
        return read_bulk_answer(R"({"requestId":"r","records":{"cursor":")" + cursor + R"("}})", bulk_kind::list);
    };
    CHECK(with(most)->cursor == most);
    CHECK_FALSE(with(most + "c"));
    CHECK(ids_in(answer_with(R"([{"id":"1",")" + most + most + R"(":")" + most + most + R"("}])")) == "1 ");
}

TEST_CASE("bulk_answer: depth is bounded at 64, and hostile nesting does not overflow the stack")
{
    auto nested = [](int arrays) {
        return answer_with(R"([{"id":"1","x":)" + repeat("[", arrays) + repeat("]", arrays) + "}]");
    };
    CHECK(ids_in(nested(61)) == "1 ");
    CHECK(ids_in(nested(62)) == "nothing");
    CHECK(ids_in(nested(100'000)) == "nothing");
    CHECK(ids_in(std::string(8 << 20, '[')) == "nothing");
    CHECK(ids_in(repeat("{\"calls\":[", 800'000)) == "nothing");
    CHECK(metadata_in(R"({"requestId":"r","calls":[{"metaData":{"id":"5","x":)" + std::string(1 << 20, '[')) ==
          "nothing");
}

TEST_CASE("bulk_answer: a call whose body would be beyond 1 MiB is left out, an answer beyond 8 MiB is not read")
{
    auto call_of = [](std::string id, std::size_t bytes) {
        std::string head = R"({"id":")" + id + R"(","title":")", tail = "\"}";
        return head + std::string(bytes - head.size() - tail.size(), 'x') + tail;
    };
    const std::size_t around = body_of_one(R"("r")", "").size();
    std::string fits = call_of("1", call_answer_bytes_max - around), not_quite = call_of("2", fits.size() + 1);
    CHECK(ids_in(answer_with("[" + fits + "," + not_quite + R"(,{"id":"3"}])")) == "1 3 ");
    CHECK(read_call_answer(body_of_one(R"("r")", fits)));

    std::string large = answer_with("[" + fits + R"(],"x":")");
    large.pop_back();
    large += std::string(bulk_answer_bytes_max - large.size() - 2, 'x') + "\"}";
    REQUIRE(large.size() == bulk_answer_bytes_max);
    CHECK(ids_in(large) == "1 ");
    CHECK(ids_in(large + " ") == "nothing");
}

TEST_CASE("bulk_answer: more calls than the vendor would ever send are not understood")
{
    auto many = [](std::size_t n) {
        std::string calls;
        for (std::size_t i = 0; i < n; ++i) calls += (i ? ",{\"id\":\"" : "{\"id\":\"") + std::to_string(i) + "\"}";
        return answer_with("[" + calls + "]");
    };
    CHECK(read_bulk_answer(many(bulk_calls_max), bulk_kind::list)->calls.size() == bulk_calls_max);
    CHECK(ids_in(many(bulk_calls_max + 1)) == "nothing");
}

TEST_CASE("bulk_answer: the elements of a transcript read are found with their calls, and whether anything is said")
{
    const std::string one =
        R"({"callId":"1","transcript":[{"speakerId":"9","topic":null,"sentences":[{"start":0,"text":"}]"}]}]})";
    const std::string empty = R"({ "transcript":[{"sentences":[]}], "callId":"\u0032","sentences":[{}]})";
    const std::string body = "{\"requestId\":\"r\",\"calls\":[1],\"callTranscripts\":[" + one + " ,\n" + empty + "]}";
    auto a = read_bulk_answer(body, bulk_kind::transcripts);
    REQUIRE(a);
    REQUIRE(a->calls.size() == 2);
    CHECK(a->calls[0].id == "1");
    CHECK(a->calls[0].element == one);
    CHECK(a->calls[0].has_sentences);
    CHECK(a->calls[1].id == "2");
    CHECK(a->calls[1].element == empty);
    CHECK(!a->calls[1].has_sentences);
    CHECK(a->unnamed == 0);
    CHECK(a->has_calls);
}

TEST_CASE("bulk_answer: what cannot be told of an element is said")
{
    auto read = [](const std::string& list) {
        return *read_bulk_answer("{\"requestId\":\"r\",\"callTranscripts\":[" + list + "]}", bulk_kind::transcripts);
    };
    CHECK(read(R"({"transcript":[]})").unnamed == 1);
    CHECK(read(R"(null,1,[],"a",{"callId":1},{"callId":"1a"})").unnamed == 6);
    CHECK(read(R"({"callId":"1"},{"callId":"1"})").has_repeated_id);
    CHECK(!read(R"({"callId":"1"},{"callId":"2"})").has_repeated_id);
    auto odd = read(R"({"callId":"1","callId":"2"},{"callId":"3"})");
    CHECK(odd.not_understood == std::vector<std::string>{"1"});
    CHECK(odd.unnamed == 1);  // it may be another call
    CHECK(odd.calls.size() == 1);
    auto extensive = read_bulk_answer(
        R"({"requestId":"r","calls":[{"metaData":{"id":"1"},"parties":[]},{"parties":[]}]})", bulk_kind::extensive);
    REQUIRE(extensive);
    CHECK(extensive->calls.at(0).element == R"({"metaData":{"id":"1"},"parties":[]})");
    CHECK(extensive->unnamed == 1);
    const std::string large = "{\"callId\":\"1\",\"x\":\"" + std::string(element_bytes_max, 'x') + "\"}";
    auto too_large =
        read_bulk_answer("{\"requestId\":\"r\",\"callTranscripts\":[" + large + "]}", bulk_kind::transcripts, 64 << 20);
    REQUIRE(too_large);
    CHECK(too_large->not_understood.size() == 1);
}
