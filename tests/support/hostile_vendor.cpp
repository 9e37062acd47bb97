#include "tests/support/hostile_vendor.hpp"

#include <doctest/doctest.h>

#include <cstdio>

namespace callcache::test
{

using namespace std::string_literals;

namespace
{

// Checks a row after the other in the same harness.
class answer_checker
{
public:
    explicit answer_checker(harness& w) : w_(w) { REQUIRE(w.id(1) == asked_id); }

    void check(const hostile_answer& row, bool used_and_split)
    {
        INFO(row.name, used_and_split ? ", on a used connection, in two pieces"s : ", on a fresh connection"s);
        prepare(row, used_and_split);
        const std::vector<std::size_t>& came_on = w_.vendor->came_on();
        std::size_t before = came_on.size();
        bool later = row.pause.count() > 0;
        std::string good_id = fresh_id(), good = w_.request("GET", "/v2/calls/" + good_id);

        tool t(w_);
        t.send(w_.request("GET", w_.path(1)) + (later ? "" : good));
        check_answer(row, t.read());
        if (later)
        {
            w_.vendor->script(asked_id, std::nullopt);
            w_.clock.advance(row.pause);
            t.send(good);
        }
        answer next = t.read();
        CHECK(next.status == 200);
        CHECK(w_.call_of(next) == w_.vendor->body(good_id));
        CHECK(next.cache("fwd") == "miss");
        CHECK(next.raw.find("evil") == std::string::npos);
        CHECK(t.received() == 0);
        CHECK_FALSE(t.closed());

        REQUIRE(came_on.size() >= before + 2);
        if (used_and_split) CHECK(came_on[before] == came_on[before - 1]);
        if (!later) CHECK((came_on.back() == came_on[came_on.size() - 2]) == (row.after == line::goes_on));
        check_kept(row);
    }

private:
    void prepare(const hostile_answer& row, bool used_and_split)
    {
        sim::scripted s = row.script;
        if (used_and_split)
        {
            CHECK(w_.get("/v2/calls/" + fresh_id()).status == 200);
            if (s.piece == 0) s.piece = (s.bytes.size() + 1) / 2;
        }
        else
        {
            w_.loop.poll();
            w_.vendor->close_idle();
        }
        w_.vendor->script(asked_id, s);
    }

    void check_answer(const hostile_answer& row, const answer& a)
    {
        CHECK(a.status == row.status);
        CHECK(a.cache("stored") == (row.kept ? "stored" : ""));
        CHECK(a.cache("fwd-status") == (row.handed_on ? std::to_string(row.status) : ""));
        CHECK((a.body.find("\"callcache: ") != std::string::npos) == !row.handed_on);
        if (row.status == 200) CHECK(w_.call_of(a).starts_with("{\"id\":\"" + asked_id + "\""));
        if (!row.handed_on) CHECK(a.raw.find("evil") == std::string::npos);
        for (const char* name : {"transfer-encoding", "connection", "keep-alive", "trailer", "upgrade", "proxy-evil"})
            CHECK_FALSE(a.has(name));
    }

    // What was not kept is asked for again.
    void check_kept(const hostile_answer& row)
    {
        w_.vendor->script(asked_id, std::nullopt);
        answer again = w_.get(w_.path(1));
        // Gong's own word on this id alone is remembered for a while; a purge ends that.
        bool is_remembered = !row.kept && row.handed_on && again.cache("detail") == "negative";
        if (is_remembered)
        {
            CHECK(again.status == row.status);
            w_.cache->kept().purge(asked_id, [](bool) {});
            again = w_.get(w_.path(1));
        }
        // A lookup that met a 429 keeps its place, and may have been answered since.
        if (row.pause.count() == 0) CHECK(again.cache("hit") == (row.kept ? "hit" : ""));
        CHECK(again.status == (row.kept ? row.status : 200));
        if (!row.kept) CHECK(w_.call_of(again) == w_.vendor->body(asked_id));
        w_.cache->kept().purge(asked_id, [](bool) {});
    }

    std::string fresh_id()
    {
        do ++number_;
        while (!w_.vendor->catalogue().is_found(number_));
        return w_.id(number_);
    }

    harness& w_;
    std::uint64_t number_ = 10;
};

}  // namespace

hostile_answer refused(std::string name, sim::scripted s, unsigned status)
{
    return {std::move(name), std::move(s), status};
}

hostile_answer nonsense(std::string name, sim::scripted s)
{
    return {std::move(name), std::move(s), 502, line::goes_on};
}

hostile_answer served(std::string name, sim::scripted s, line after)
{
    return {std::move(name), std::move(s), 200, after, true, true};
}

hostile_answer handed_on(std::string name, sim::scripted s, unsigned status, line after)
{
    return {std::move(name), std::move(s), status, after, false, true};
}

std::string message(const std::string& head, const std::string& body)
{
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string ok(const std::string& lines, const std::string& rest)
{
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + lines + "\r\n" + rest;
}

std::string chunked(const std::string& body)
{
    char size[24];
    std::snprintf(size, sizeof size, "%zx", body.size());
    return size + ("\r\n" + body) + "\r\n0\r\n\r\n";
}

void check_all(harness& w, const std::vector<hostile_answer>& rows)
{
    w.clock_runs = true;
    w.start();
    answer_checker c(w);
    for (const hostile_answer& row : rows)
        for (bool used_and_split : {false, true}) c.check(row, used_and_split);
}

}  // namespace callcache::test
