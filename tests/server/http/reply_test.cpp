#include "server/http/reply.hpp"

#include "cache/call_answer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

using namespace callcache;
using namespace std::chrono;

namespace
{

const wall_time t0 = sys_days{2026y / 11 / 24} + 8h;

std::string written(const reply& r, const reply_mode& mode = {})
{
    std::string out = "before";
    write_reply(out, r, mode, t0);
    REQUIRE(out.starts_with("before"));
    return out.substr(6);
}

bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

reply hello()
{
    return {200, {{"Content-Type", "text/plain"}}, "hello", false};
}

}  // namespace

TEST_CASE("reply: a whole message")
{
    CHECK(written(hello()) == "HTTP/1.1 200 OK\r\n"
                              "Date: Tue, 24 Nov 2026 08:00:00 GMT\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 5\r\n"
                              "\r\n"
                              "hello");
}

TEST_CASE("reply: a message is whole however long its fields and its body are")
{
    for (std::size_t size = 0; size < 1500; ++size)
    {
        reply r = hello();
        r.fields.emplace_back("X-Long", std::string(size, 'f'));
        r.body = std::string(size, 'b');
        std::string text = written(r);
        REQUIRE(holds(text, "\r\nX-Long: " + r.fields.back().second + "\r\nContent-Length: " + std::to_string(size) +
                                "\r\n\r\n"));
        REQUIRE(text.ends_with("\r\n\r\n" + r.body));
    }
}

TEST_CASE("reply: a long body is not copied and stays alive, a short one or one that nobody keeps alive is copied")
{
    auto long_one = std::make_shared<const std::string>(outgoing::shared_body_min, 'b');
    const shared_bytes body{*long_one, long_one}, nobodys{*long_one, {}},
        short_one{std::string_view(*long_one).substr(1), long_one};
    outgoing out;
    write_reply(out, hello(), body, {}, t0);
    CHECK(out.text.ends_with("Content-Length: " + std::to_string(long_one->size()) + "\r\n\r\n"));
    CHECK(out.body.bytes.data() == long_one->data());
    CHECK(out.body.bytes.size() == long_one->size());
    CHECK(out.body.owner == long_one);
    for (const shared_bytes& copied : {nobodys, short_one})
    {
        outgoing whole;
        write_reply(whole, hello(), copied, {}, t0);
        CHECK(whole.body.bytes.empty());
        CHECK(whole.text.ends_with("\r\n\r\n" + std::string(copied.bytes)));
    }
    for (reply_mode mode : {reply_mode{.head_only = true}, reply_mode{}})
    {
        outgoing without;
        reply r = hello();
        if (!mode.head_only) r.status = 304;
        write_reply(without, r, body, mode, t0);
        CHECK(without.body.bytes.empty());
        CHECK(without.text.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("reply: a long body of the reply's own is moved behind the head, a short one stands in it")
{
    for (std::size_t size : {outgoing::shared_body_min - 1, outgoing::shared_body_min})
    {
        reply r = hello();
        r.body = std::string(size, 'b');
        const char* where = r.body.data();
        outgoing out;
        write_reply(out, std::move(r), {}, t0);
        CHECK(out.text + std::string(out.body.bytes) == written({200, hello().fields, std::string(size, 'b'), false}));
        CHECK((out.body.bytes.data() == where) == (size == outgoing::shared_body_min));
    }
}

TEST_CASE("reply: what was written is dropped from the head first, then from the body")
{
    outgoing out{"head", {"body", nullptr}};
    out.drop(3);
    CHECK((out.text == "d" && out.body.bytes == "body" && out.size() == 5));
    out.drop(2);
    CHECK((out.text.empty() && out.body.bytes == "ody"));
    out.drop(3);
    CHECK(out.size() == 0);
}

TEST_CASE("reply: to HEAD the length is told, and no body sent")
{
    std::string text = written(hello(), {.head_only = true});
    CHECK(holds(text, "Content-Length: 5\r\n"));
    CHECK(text.ends_with("\r\n\r\n"));
}

TEST_CASE("reply: a 204 and a 304 have neither body nor length")
{
    for (unsigned status : {204u, 304u})
        for (bool head_only : {false, true})
        {
            reply r = hello();
            r.status = status;
            std::string text = written(r, {.head_only = head_only});
            CHECK_FALSE(holds(text, "Content-Length"));
            CHECK(text.ends_with("\r\n\r\n"));
        }
}

TEST_CASE("reply: an empty body has a length all the same")
{
    CHECK(holds(written({404, {}, "", false}), "Content-Length: 0\r\n"));
}

TEST_CASE("reply: whether the connection goes on is said where it is not understood without")
{
    reply last = hello();
    last.close = true;
    CHECK_FALSE(holds(written(hello()), "Connection:"));
    CHECK(holds(written(hello(), {.keep_alive = false}), "Connection: close\r\n"));
    CHECK(holds(written(last), "Connection: close\r\n"));
    CHECK(holds(written(hello(), {.keep_alive = true, .minor = 0}), "Connection: keep-alive\r\n"));
    CHECK(holds(written(hello(), {.keep_alive = false, .minor = 0}), "Connection: close\r\n"));
    CHECK(holds(written(last, {.keep_alive = true, .minor = 0}), "Connection: close\r\n"));
    CHECK(written(hello(), {.minor = 0}).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("reply: a Date that it has is not told twice")
{
    reply r = hello();
    r.fields.emplace_back("date", "Mon, 23 Nov 2026 08:00:00 GMT");
    std::string text = written(r);
    CHECK_FALSE(holds(text, "24 Nov"));
    CHECK(holds(text, "23 Nov"));
}

TEST_CASE("reply: the bytes of a body are not touched")
{
    reply r = hello();
    r.body = std::string("\0\r\n\r\n\xff", 6);
    CHECK(written(r).ends_with("Content-Length: 6\r\n\r\n" + r.body));
}

TEST_CASE("reply: a status without a known reason is written all the same")
{
    CHECK(written({299, {}, "", false}).starts_with("HTTP/1.1 299 \r\n"));
}

TEST_CASE("reply: a field is found in any case, the first of its name")
{
    reply r{200, {{"ETag", "\"a\""}, {"etag", "\"b\""}}, "", false};
    REQUIRE(r.find("etag"));
    CHECK(*r.find("etag") == "\"a\"");
    CHECK_FALSE(r.find("age"));
}

TEST_CASE("http_date: RFC 9110, section 5.6.7")
{
    CHECK(http_date(sys_days{1994y / 11 / 6} + 8h + 49min + 37s) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(wall_time{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http_date(sys_days{2024y / 2 / 29} + 24h - 1us) == "Thu, 29 Feb 2024 23:59:59 GMT");
    CHECK(http_date(wall_time{-1us}) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("own answer: the vendor's error shape, with an id of its own each time")
{
    std::set<std::string> bodies;
    for (int i = 0; i < 100; ++i)
    {
        reply r = own_answer(429, "the day is \"spent\"\\\n");
        CHECK(r.status == 429);
        CHECK(r.body.starts_with("{\"requestId\":\"cc-"));
        CHECK(r.body.ends_with("\",\"errors\":[\"callcache: the day is \\\"spent\\\"\\\\\\n\"]}"));
        CHECK(is_vendor_error(r.body));
        REQUIRE(r.find("content-type"));
        CHECK(*r.find("content-type") == "application/json");
        bodies.insert(r.body);
    }
    CHECK(bodies.size() == 100);
}
