// One reader of heads for all who speak with callcache: a tool, the vendor, and a company's proxy.

#include "tests/support/connect_proxy.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::string_literals;

namespace
{

struct verdicts
{
    bool of_request, of_answer, of_connect;  // true: refused, as the head is malformed

    bool operator==(const verdicts&) const = default;
};

std::ostream& operator<<(std::ostream& out, const verdicts& v)
{
    return out << "request " << v.of_request << ", answer " << v.of_answer << ", CONNECT " << v.of_connect;
}

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

// Sends a head with these lines in each of the three places.
struct three_readers
{
    three_readers()
    {
        w.start();
        through = std::make_unique<connect_proxy>(w.loop.get_executor(), w.vendor->port());
    }

    verdicts read(const std::string& lines)
    {
        w.clock.advance(1min);  // the budget's window is free again
        id_ += 3;               // of calls that nobody has asked for yet
        w.config.upstream.proxy.clear();
        w.start();
        tool t(w);
        std::string asked = w.request("GET", w.path(id_));
        t.send(asked.insert(asked.size() - 2, lines + "\r\n"));
        bool of_request = contains(t.read().raw, "HTTP/1.1 400 ");

        std::size_t asked_vendor = w.vendor->requests();
        w.vendor->script(w.id(id_ + 1), sim::scripted{"HTTP/1.1 200 OK\r\n" + lines + "\r\n\r\n", sim::then::close});
        bool of_answer = contains(w.get(w.path(id_ + 1)).body, "the head of the answer is malformed");
        CHECK(w.vendor->requests() > asked_vendor);

        w.config.upstream.proxy = through->url();
        std::size_t asked_proxy = through->heads().size();
        through->script({"HTTP/1.1 200 OK\r\n" + lines + "\r\n\r\n"});
        w.start();
        bool of_connect = contains(w.get(w.path(id_ + 2)).body, "answered CONNECT with nonsense");
        CHECK(through->heads().size() > asked_proxy);
        return {of_request, of_answer, of_connect};
    }

    harness w;
    std::unique_ptr<connect_proxy> through;

private:
    std::uint64_t id_ = 0;
};

}  // namespace

TEST_SUITE_BEGIN("scenario: hostile heads");

TEST_CASE("what is refused in a request is refused in the vendor's answer, and in a proxy's answer to CONNECT")
{
    three_readers all;
    for (const std::string& lines : {
             "X: a\nY: b"s,
             "X: a\rY: b"s,
             "X: a\r\n folded"s,
             "X : a"s,
             "X"s,
             ": a"s,
             "X\xc3\xbc: a"s,
             "X: a\0b"s,
             "Connection: keep alive"s,
             "Connection: close;x=1"s,
             "Proxy-Connection: \"close\""s,
         })
    {
        INFO(lines);
        CHECK(all.read(lines) == verdicts{true, true, true});
    }
}

TEST_CASE("an ambiguous framing is refused in a request and in the vendor's answer; a 2xx to CONNECT has none to read")
{
    three_readers all;
    for (const std::string& lines : {
             "Content-Length: 0\r\nContent-Length: 0"s,
             "Content-Length: 0\r\nContent-Length: 1"s,
             "Content-Length: 0, 0"s,
             "Content-Length: +0"s,
             "Content-Length:"s,
             "Content-Length: 18446744073709551616"s,
             "Content-Length: 0\r\nTransfer-Encoding: chunked"s,
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"s,
             "Transfer-Encoding: gzip"s,
             "Transfer-Encoding: chunked;x=1"s,
         })
    {
        INFO(lines);
        CHECK(all.read(lines) == verdicts{true, true, false});
    }
}

TEST_CASE("what is odd and taken in a request is taken in the vendor's answer, and in a proxy's answer to CONNECT")
{
    three_readers all;
    for (const std::string& lines : {"X:"s, "X: \t a \xc3\xbc\t"s, "!#$%&'*+-.^_`|~09: a"s, "Connection: ,, close ,,"s,
                                     "Content-Length: 0"s, "X: a\r\nX: a"s, "Upgrade: h2c"s})
    {
        INFO(lines);
        CHECK(all.read(lines) == verdicts{false, false, false});
    }
}

TEST_SUITE_END();
