#include "tests/support/hostile.hpp"

#include "server/front/route.hpp"
#include "server/http/via.hpp"

#include <doctest/doctest.h>

namespace callcache::test
{

using namespace std::string_literals;

namespace
{

void replace_all(std::string& text, const std::string& what, const std::string& with)
{
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

std::size_t count(const std::string& text, const std::string& what)
{
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
    return n;
}

std::string ended(const std::string& lines)
{
    return lines.empty() ? "" : lines + "\r\n";
}

// Checks a row after the other in the same harness.
class checker
{
public:
    explicit checker(harness& w) : w_(w), good_(w.request("GET", w.path(0)))
    {
        REQUIRE(w.raw(good_).status == 200);
        // What the vendor sees of a lookup, whatever the tool sent: one Host, one Authorization, no framing.
        plain_ = w.vendor->heads().back();
        REQUIRE(plain_.starts_with("GET " + w.path(0) + " HTTP/1.1\r\nHost: 127.0.0.1:"));
        REQUIRE(count(plain_, "\r\nHost: ") == 1);
        REQUIRE(count(plain_, "\r\nAuthorization: " + authorization + "\r\n") == 1);
        for (const char* name : {"Content-", "Transfer-", "Connection", "Expect", "Upgrade", "TE:"})
            REQUIRE(count(plain_, name) == 0);
        seen_ = w.vendor->heads().size();
    }

    void check(const hostile& row, bool in_two_pieces)
    {
        INFO(row.name, in_two_pieces ? ", in two pieces"s : ", in one piece"s);
        std::string bytes = row.bytes, credential = row.credential, expected;
        std::vector<std::string> reached = row.reached;
        for (const std::string& name : {first, other, hidden})
        {
            std::string id = fresh_id();
            replace_all(bytes, name, id);
            replace_all(credential, name, id);
            for (std::string& r : reached) replace_all(r, name, id);
        }
        for (const std::string& id : reached) expected += head_for(id, credential);
        if (!row.via.empty()) replace_all(expected, "Via: ", "Via: " + row.via + ", ");

        tool t(w_);
        send(t, bytes, in_two_pieces);
        read_answers(t, row, reached);
        if (row.after == connection::goes_on)
        {
            t.send(good_);
            CHECK(t.read().status == 200);
            CHECK_FALSE(t.closed());
        }
        else
            t.wait_closed();
        CHECK(t.received() == 0);
        CHECK(w_.raw(good_).status == 200);
        CHECK(new_heads() == expected);
    }

    // Nothing reaches the vendor late.
    void finish()
    {
        w_.run_for_a_while();
        CHECK(new_heads() == "");
        CHECK(w_.get("/v2/calls/" + fresh_id()).status == 200);
    }

private:
    void send(tool& t, const std::string& bytes, bool in_two_pieces)
    {
        std::size_t half = in_two_pieces ? bytes.size() / 2 : bytes.size();
        t.send(bytes.substr(0, half));
        if (!in_two_pieces) return;
        for (int i = 0; i < 3; ++i)
        {
            w_.loop.poll();
            w_.cache->loop().poll();
        }
        t.send(bytes.substr(half));
    }

    void read_answers(tool& t, const hostile& row, const std::vector<std::string>& reached)
    {
        std::size_t n = 0, asked = 0;
        for (unsigned status : row.statuses)
        {
            answer a = t.read(n < row.heads);
            if (status == 0)
                CHECK(a.cache("detail") == "pass");
            else
                CHECK(a.status == status);
            bool last = ++n == row.statuses.size();
            CHECK((a.header("connection") == "close") == (last && row.after == connection::closed));
            bool vendors = a.cache("fwd-status") != "";
            if (vendors && status == 200 && n > row.heads && asked < reached.size())
                CHECK(w_.call_of(a) == w_.vendor->body(reached[asked]));
            if (vendors) ++asked;
            if (!vendors && !a.body.empty() && status >= 400) CHECK(count(a.body, "\"callcache: ") == 1);
        }
    }

    // With exactly one framing, and that our own.
    std::string passed_head(const std::string& reached) const
    {
        std::string line = reached.substr(0, reached.find('\n')), further;
        bool ours = false;  // what is said to come behind the fields
        if (std::size_t at = reached.find('\n'); at != std::string::npos) further = reached.substr(at + 1);
        if (further.ends_with("\n"))
            further.pop_back();
        else
            ours = true;
        std::string head = line + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(w_.vendor->port()) +
                           "\r\nAuthorization: " + authorization + "\r\n";
        if (!ours) head += ended(further);
        std::size_t space = line.find(' ');
        if (calls_brought_by(line.substr(0, space), line.substr(space + 1))) head += "Accept-Encoding: identity\r\n";
        head += "Via: " + own_via() + "\r\n";
        bool has_body = line.starts_with("POST ") || line.starts_with("PUT ") || line.starts_with("PATCH ");
        if (ours && !further.empty())
            head += ended(further);
        else if (has_body)
            head += "Content-Length: 0\r\n";
        return head + "\r\n";
    }

    std::string head_for(const std::string& id, const std::string& credential) const
    {
        if (id.find(' ') != std::string::npos) return passed_head(id);
        std::string head = plain_;
        replace_all(head, w_.path(0), "/v2/calls/" + id);
        replace_all(head, authorization, credential);
        return head;
    }

    std::string new_heads()
    {
        std::string text;
        for (; seen_ < w_.vendor->heads().size(); ++seen_) text += w_.vendor->heads()[seen_];
        return text;
    }

    // Of a call that the vendor knows and that has as many digits as the names in the rows.
    std::string fresh_id()
    {
        const sim::call_catalogue& calls = w_.vendor->catalogue();
        do ++number_;
        while (!calls.is_found(number_) || calls.id(number_).size() != first.size());
        return calls.id(number_);
    }

    harness& w_;
    const std::string good_;
    std::string plain_;
    std::size_t seen_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace

hostile refused(std::string name, std::string bytes, unsigned status)
{
    return {std::move(name), std::move(bytes), {status}};
}

hostile own(std::string name, std::string bytes, unsigned status)
{
    return {std::move(name), std::move(bytes), {status}, connection::goes_on};
}

hostile served(std::string name, std::string bytes, connection after)
{
    return {std::move(name), std::move(bytes), {200}, after, {first}};
}

hostile passed(std::string name, std::string bytes, std::string reached)
{
    return {std::move(name), std::move(bytes), {0}, connection::goes_on, {std::move(reached)}};
}

std::string bare(const std::string& line, const std::string& lines, const std::string& body)
{
    return line + "\r\n" + ended(lines) + "\r\n" + body;
}

std::string request(const std::string& line, const std::string& further, const std::string& body)
{
    return line + "\r\nHost: localhost:4664\r\nAuthorization: " + authorization + "\r\n" + ended(further) + "\r\n" +
           body;
}

std::string lookup(const std::string& further, const std::string& body)
{
    return request("GET /v2/calls/" + first + " HTTP/1.1", further, body);
}

std::string lookup_of(const std::string& id)
{
    return get("/v2/calls/" + id);
}

std::string get(const std::string& target)
{
    return request("GET " + target + " HTTP/1.1");
}

std::string post(const std::string& further, const std::string& body)
{
    return request("POST /v2/calls/extensive HTTP/1.1", further, body);
}

std::string length_of(const std::string& body)
{
    return "Content-Length: " + std::to_string(body.size());
}

void check_all(harness& w, const std::vector<hostile>& rows)
{
    checker c(w);
    for (const hostile& row : rows)
        for (bool in_two_pieces : {false, true}) c.check(row, in_two_pieces);
    c.finish();
}

}  // namespace callcache::test
