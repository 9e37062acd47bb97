#include "server/http/body_decoder.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

constexpr framing chunked{framing::kind::chunked, 0};

struct decoded
{
    std::string data;
    std::string rest;
    std::string refused;
    bool done = false;
    std::vector<field> trailers;
};

// As if it came in pieces of `step` bytes.
decoded decode(framing f, const std::string& bytes, std::size_t step)
{
    body_decoder d(f);
    decoded r;
    std::string here;
    for (std::size_t at = 0; at <= bytes.size() && !d.is_done() && !d.refused(); at += step)
    {
        here += bytes.substr(std::min(at, bytes.size()), step);
        while (!d.is_done() && !d.refused())
        {
            auto p = d.take(here);
            r.data += p.data;
            here.erase(0, p.taken);
            if (p.taken == 0) break;
        }
        if (d.is_done()) here += bytes.substr(std::min(at + step, bytes.size()));
    }
    r.rest = here;
    r.done = d.is_done();
    if (d.refused()) r.refused = *d.refused();
    r.trailers = d.trailers();
    return r;
}

}  // namespace

TEST_CASE("body: a length is counted, and what follows is left")
{
    for (std::size_t step : {1, 2, 3, 100})
    {
        auto r = decode({framing::kind::length, 5}, "helloGET /", step);
        CHECK(r.done);
        CHECK(r.data == "hello");
        CHECK(r.rest == "GET /");
    }
    CHECK(body_decoder({framing::kind::none, 0}).is_done());
    CHECK(body_decoder({framing::kind::length, 0}).is_done());
    CHECK_FALSE(decode({framing::kind::length, 5}, "hell", 1).done);
}

TEST_CASE("body: chunks are put together, extensions dropped, trailers kept apart, however the bytes arrive")
{
    const std::string bytes = "5\r\nhello\r\n00a;name=\"value\"\r\n, and more\r\n1 ;x\r\n!\r\n0\r\nDigest: x \r\n"
                              "content-length: 3\r\n\r\nnext";
    for (std::size_t step : {1, 2, 7, 1000})
    {
        auto r = decode(chunked, bytes, step);
        CHECK(r.refused == "");
        CHECK(r.done);
        CHECK(r.data == "hello, and more!");
        CHECK(r.rest == "next");
        CHECK(r.trailers == std::vector<field>{{"Digest", "x"}});
    }
}

TEST_CASE("body: a malformed chunk is refused")
{
    const std::string big(2000, 'x');
    for (const std::string& bytes : std::initializer_list<std::string>{"g\r\n",
                                                                       "-1\r\n",
                                                                       "+5\r\nhello\r\n",
                                                                       "0x5\r\nhello\r\n",
                                                                       " 5\r\nhello\r\n",
                                                                       "5 \r\nhello\r\n",
                                                                       "5\nhello\n",
                                                                       "5\r\nhello0\r\n\r\n",
                                                                       "5\r\nhello\n0\r\n\r\n",
                                                                       "\r\n",
                                                                       "5\rx\nhello",
                                                                       "8000000000000000\r\n",
                                                                       "ffffffffffffffff\r\n",
                                                                       "00000000000000005\r\nhello\r\n",
                                                                       "5;\x01\r\nhello\r\n",
                                                                       "5;" + big,
                                                                       "5;" + big + "\r\nhello\r\n0\r\n\r\n",
                                                                       "5,5\r\nhello\r\n",
                                                                       "0\r\nno colon\r\n\r\n",
                                                                       "0\r\n folded: x\r\n\r\n",
                                                                       "0\r\nname : x\r\n\r\n",
                                                                       "0\r\nname: x\n\r\n",
                                                                       "0\r\nx: " + std::string(9000, 'y'),
                                                                       "5\r\nhello\r\r\n",
                                                                       "5\r\nhello\rX0\r\n\r\n",
                                                                       std::string("5\0\r\nhello\r\n", 11)})
        for (std::size_t step : {1, 5000})
        {
            INFO(bytes.substr(0, 40));
            auto r = decode(chunked, bytes, step);
            CHECK(r.refused != "");
            CHECK_FALSE(r.done);
        }
}

TEST_CASE("body: what is written in chunks is read back")
{
    std::string out;
    write_chunk(out, std::string(70'000, 'a'));
    write_chunk(out, "b");
    write_last_chunk(out, {{"Digest", "x"}});
    auto r = decode(chunked, out, 4096);
    CHECK(r.done);
    CHECK(r.data == std::string(70'000, 'a') + "b");
    CHECK(r.trailers == std::vector<field>{{"Digest", "x"}});
}

TEST_CASE("body: until the connection ends everything is content")
{
    auto r = decode({framing::kind::until_close, 0}, "0\r\n\r\nmore", 3);
    CHECK(r.data == "0\r\n\r\nmore");
    CHECK_FALSE(r.done);
    CHECK(body_decoder({framing::kind::until_close, 0}).ends_with_connection());
}

TEST_CASE("body: all trailers together have a bound, however many there are")
{
    auto trailers_of = [](std::size_t bytes) {  // with the line end behind them
        const std::string line = "X: 45678901234567890123456789\r\n";
        std::string text;
        while (text.size() + 2 * line.size() < bytes) text += line;
        return text + "X: " + std::string(bytes - text.size() - 7, 'y') + "\r\n\r\n";
    };
    for (std::size_t step : {7, 10'000})
    {
        REQUIRE(trailers_of(8192).size() == 8192);
        auto whole = decode(chunked, "0\r\n" + trailers_of(8192), step);
        CHECK(whole.done);
        CHECK(whole.trailers.size() > 200);
        auto more = decode(chunked, "0\r\n" + trailers_of(8193), step);
        CHECK(more.refused != "");
        CHECK_FALSE(more.done);
    }
}

TEST_CASE("body: a field that says whose the message is, where it goes or how it is read is no trailer")
{
    for (const char* name :
         {"Authorization", "Proxy-Authorization", "WWW-Authenticate", "Cookie", "Set-Cookie", "SET-COOKIE", "Host",
          "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Cache-Control",
          "Location", "Retry-After", "Date", "Age", "Vary", "Max-Forwards"})
    {
        CAPTURE(name);
        CHECK_FALSE(is_trailer_field(name));
        auto r = decode(chunked, "0\r\n" + std::string(name) + ": x\r\nX-Sum: 1\r\n\r\n", 100);
        CHECK(r.done);
        CHECK(r.trailers == std::vector<field>{{"X-Sum", "1"}});
    }
    CHECK(is_trailer_field("Digest"));
    CHECK(is_trailer_field("X-Authorization"));
}
