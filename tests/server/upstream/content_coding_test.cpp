#include "server/upstream/content_coding.hpp"

#include "tests/support/gzip.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using callcache::test::gzipped;

namespace
{

constexpr std::size_t body_max = 100'000;

upstream_answer coded(std::string body, std::vector<field> fields = {{"Content-Encoding", "gzip"}})
{
    return {200, std::move(fields), std::move(body)};
}

// The content; "not decoded" if the answer stays as it is.
std::string content(const upstream_answer& a)
{
    auto decoded = without_gzip(a, body_max);
    return decoded ? decoded->body : "not decoded";
}

}  // namespace

TEST_CASE("content_coding: gzip is undone, and what else the answer says stays")
{
    for (std::string text : {std::string(), std::string("{}"), std::string(body_max, ' '), std::string("a\0b", 3)})
    {
        auto plain = without_gzip(coded(gzipped(text), {{"Content-Type", "x"},
                                                        {"content-encoding", "identity"},
                                                        {"content-encoding", "GZIP"},
                                                        {"Content-Encoding", ""},
                                                        {"Date", "y"}}),
                                  body_max);
        REQUIRE(plain);
        CHECK(plain->status == 200);
        CHECK(plain->body == text);
        CHECK(plain->fields == std::vector<field>{{"Content-Type", "x"}, {"Date", "y"}});
        CHECK_FALSE(is_coded(*plain));
    }
    CHECK(content(coded(gzipped("a"), {{"Content-Encoding", "x-gzip"}})) == "a");
    CHECK(content(coded(gzipped("a") + gzipped("") + gzipped("b"))) == "ab");
}

TEST_CASE("content_coding: what is not whole gzip, or has something behind it, is not decoded")
{
    const std::string good = gzipped(R"({"requestId":"r","call":{"id":"5"}})");
    for (std::size_t size = 0; size < good.size(); ++size)
    {
        CHECK(content(coded(good.substr(0, size))) == "not decoded");
        if (size > 0) CHECK(content(coded(good + good.substr(0, size))) == "not decoded");
        const bool is_checked = size < 3 || size + 8 >= good.size();  // the format, the sum and the length
        std::string broken = good;
        broken[size] ^= 1;
        if (is_checked) CHECK(content(coded(broken)) == "not decoded");
    }
    for (const char* tail : {"x", "\n", "{}", "\x1f\x8b"}) CHECK(content(coded(good + tail)) == "not decoded");
    CHECK(content(coded(good + std::string(1, '\0'))) == "not decoded");
    CHECK(content(coded("{}")) == "not decoded");
    const std::string zlib_of_a("\x78\x9c\x4b\x04\0\0\x62\0\x62", 9);
    CHECK(content(coded(zlib_of_a)) == "not decoded");
}

TEST_CASE("content_coding: no more is decoded than may be, whether in one member or in many")
{
    CHECK(content(coded(gzipped(std::string(body_max, 'x')))).size() == body_max);
    CHECK(content(coded(gzipped(std::string(body_max + 1, 'x')))) == "not decoded");
    CHECK(content(coded(gzipped(std::string(body_max, 'x')) + gzipped("x"))) == "not decoded");
}

TEST_CASE("content_coding: any other coding stays")
{
    const std::string body = gzipped("a");
    for (const char* coding : {"br", "deflate", "zstd", "gzip, gzip", "gzip, identity", "identity, gzip", "gzip;q=1"})
    {
        CHECK(content(coded(body, {{"Content-Encoding", coding}})) == "not decoded");
        CHECK(is_coded(coded(body, {{"Content-Encoding", coding}})));
    }
    CHECK(content(coded(body, {{"Content-Encoding", "gzip"}, {"Content-Encoding", "gzip"}})) == "not decoded");
    CHECK(content(coded(body, {})) == "not decoded");
    CHECK_FALSE(is_coded(coded(body, {{"Content-Encoding", "Identity"}, {"Content-Encoding", ""}})));
}
