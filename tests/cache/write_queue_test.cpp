#include "cache/write_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};
const entry_key key(key_view{1, "7"});
constexpr std::size_t bytes_max = 4096;
constexpr int none = 0;  // no entry; the others are the seconds that they were sent in

entry_ptr sent(int second, std::size_t bytes = 0)
{
    auto e = std::make_shared<entry>();
    e->sent_at = t0 + second * 1s;
    e->body.resize(bytes);
    return e;
}

partition_record used(partition_id id, int second)
{
    return {id, digest{std::uint8_t(id)}, t0, t0 + second * 1s};
}

// The queue, and the row of one key as the writer makes it of what it takes.
struct queue_and_row
{
    write_queue q{bytes_max, 1};
    int row = none;
    std::int64_t row_generation = 1;
    std::optional<std::deque<queued_change>> under_way = {};

    // "put 3", "drop 3", "name", "all", "fill" (the queue, by another key), "take", and how that ended: "written",
    // "lost" or "busy".
    void step(const std::string& what)
    {
        std::istringstream words(what);
        std::string verb;
        int second = 0;
        words >> verb >> second;
        if (verb == "put")
            q.put(key, sent(second));
        else if (verb == "drop")
            q.drop(key, t0 + second * 1s);
        else if (verb == "name")
            q.drop_name(key.name, {});
        else if (verb == "all")
            q.drop_all({});
        else if (verb == "fill")
            q.put(entry_key(key_view{1, "8"}), sent(0, bytes_max));
        else if (verb == "take")
            under_way = q.take();
        else
            end(verb);
    }
    void end(const std::string& how)
    {
        REQUIRE(under_way);
        if (how == "written")
        {
            for (const queued_change& c : *under_way) write(c.what);
            q.written(*under_way);
        }
        else if (how == "lost")
            q.lost(std::move(*under_way));
        else if (how == "busy")
            q.put_back(std::move(*under_way));
        else
            FAIL(how);
        under_way.reset();
    }
    void write(const change& c)
    {
        if (auto* p = std::get_if<put_change>(&c); p && p->key == key)
        {
            bool newer = p->generation > row_generation || second_of(*p->kept) >= row;
            if (newer) row = second_of(*p->kept), row_generation = p->generation;
        }
        if (auto* d = std::get_if<drop_change>(&c))
            if (d->key == key && t0 + row * 1s <= d->sent_until) row = none;
        if (auto* n = std::get_if<drop_name_change>(&c))
            if (n->name == key.name) row = none;
    }
    // What a find comes to.
    int found() const
    {
        auto s = q.find(key);
        if (s && s->settles()) return s->kept ? second_of(*s->kept) : none;
        bool is_there = row_generation == q.generation() && !(s && t0 + row * 1s <= s->sent_until);
        return is_there ? row : none;
    }
    // Everything that is queued is written.
    int found_in_the_end()
    {
        if (under_way) end("written");
        step("take");
        end("written");
        CHECK(q.empty());
        CHECK_FALSE(q.find(key));
        return found();
    }
    static int second_of(const entry& e) { return int((e.sent_at - t0) / 1s); }
};

std::vector<std::string> split(const std::string& script)
{
    std::vector<std::string> steps;
    std::istringstream text(script);
    for (std::string s; std::getline(text >> std::ws, s, ',');) steps.push_back(s);
    return steps;
}

// Tries every way to go on, and compares with what was said, whatever the queue remembers of it.
struct every_way
{
    struct expected
    {
        std::map<int, bool> may_be_found;  // by the second that it was sent in
        int newest = none;                 // of what was put and not dropped since
        bool is_certain = true;            // nothing was lost, and nothing came later than what is newer

        void put(int second)
        {
            if (newest > second) is_certain = false;
            for (auto& [other, may] : may_be_found) may = may && other > second;
            may_be_found[second] = true;
            newest = std::max(newest, second);
        }
        void drop(int until)
        {
            for (auto& [second, may] : may_be_found) may = may && second > until;
            if (newest <= until) newest = none;
        }
    };

    void go_on(const queue_and_row& now, const expected& e, int steps, const std::string& so_far)
    {
        for (const char* what : {"put 1", "put 2", "put 3", "drop 0", "drop 1", "drop 3", "name", "all", "take",
                                 "written", "lost", "busy"})
        {
            const std::string step = what;
            const bool ends = step == "written" || step == "lost" || step == "busy";
            if (step == "take" ? now.under_way.has_value() : ends && !now.under_way) continue;
            queue_and_row next = now;
            expected then = e;
            next.step(step);
            if (step.starts_with("put")) then.put(step.back() - '0');
            if (step.starts_with("drop")) then.drop(step.back() - '0');
            if (step == "name" || step == "all") then.drop(9);
            if (step == "lost") then.is_certain = false;
            check(next, then, so_far + ", " + step);
            if (steps > 1) go_on(next, then, steps - 1, so_far + ", " + step);
        }
    }
    void check(const queue_and_row& at, const expected& e, const std::string& so_far)
    {
        queue_and_row flushed = at;
        for (auto found : {at.found(), flushed.found_in_the_end()})
        {
            bool good = found == none || e.may_be_found.at(found);
            if (e.is_certain) good = found == e.newest;
            ++ways;
            if (!good && wrong.empty()) wrong = so_far;
        }
    }

    std::size_t ways = 0;
    std::string wrong;  // the first that is
};

}  // namespace

TEST_CASE("write queue: what a find comes to, while changes are queued and after they were written")
{
    struct row
    {
        int before;
        std::string steps;
        int found, in_the_end;
    };
    const row table[] = {
        {2, "", 2, 2},
        {2, "put 3", 3, 3},
        {2, "put 3, put 1", 3, 3},
        {2, "drop 2", none, none},
        {2, "drop 1", 2, 2},
        {2, "drop 1, take", 2, 2},
        {2, "drop 3, take, put 4", 4, 4},
        {2, "drop 3, take, put 4, written", 4, 4},
        {2, "drop 3, take, put 4, drop 4, written", none, none},
        {2, "drop 3, take, put 4, drop 3, written", 4, 4},
        {2, "put 3, take, drop 3, written", none, none},
        {2, "put 3, take, put 4, written", 4, 4},
        {2, "name", none, none},
        {2, "name, take, put 3, written", 3, 3},
        {2, "name, take, name, written", none, none},
        {2, "all", none, none},
        {2, "all, put 1", 1, 1},
        {2, "put 3, all, take, put 1, written", 1, 1},
        // It could not be written now.
        {2, "put 3, take, busy", 3, 3},
        {2, "put 3, take, put 4, busy", 4, 4},
        {2, "drop 2, take, busy", none, none},
        {2, "drop 2, take, put 3, busy, drop 3", none, none},
        {2, "put 3, take, busy, take, written", 3, 3},
        // It could not be written at all: what is put is lost, and what it replaced does not come back.
        {2, "put 3, take, lost", none, none},
        {2, "put 1, take, lost", 2, 2},
        {2, "drop 2, take, lost", none, none},
        {2, "drop 1, take, lost", 2, 2},
        {2, "name, take, lost", none, none},
        {2, "all, take, lost", none, none},
        {2, "put 3, take, put 4, lost", 4, 4},
        {2, "put 3, take, drop 3, lost", none, none},
        {2, "put 3, drop 0, take, lost", none, none},
        {2, "drop 2, drop 1, take, lost", none, none},
        {2, "drop 3, put 1, take, lost", none, none},
        {2, "drop 3, take, put 1, lost", 1, 1},
        {2, "drop 3, take, put 4, lost, drop 4, take, lost", none, none},
        // There is too much of it.
        {2, "fill, put 3", none, none},
        {2, "fill, put 1", 2, 2},
        {2, "fill, put 3, take", none, none},
        {2, "fill, take, put 3", 3, 3},
        {2, "fill, put 3, take, put 3, written", 3, 3},
        {2, "put 3, take, fill, busy", none, none},
        {2, "put 3, take, fill, busy, take, put 4", 4, 4},
        {2, "drop 2, fill, take, fill, busy", none, none},
    };
    for (const row& r : table)
    {
        CAPTURE(r.steps);
        queue_and_row at{.row = r.before};
        for (const std::string& step : split(r.steps)) at.step(step);
        CHECK(at.found() == r.found);
        CHECK(at.found_in_the_end() == r.in_the_end);
    }
}

TEST_CASE("write queue: in whatever order things happen, nothing comes back that was dropped or replaced")
{
    for (int row : {none, 2})
    {
        every_way all;
        every_way::expected e;
        if (row) e.put(row);
        all.go_on({.row = row}, e, 5, row ? "row 2" : "no row");
        CHECK(all.wrong == "");
        CHECK(all.ways > 100'000);
    }
}

TEST_CASE("write queue: of what could not be written the last word stays, and no more of it however often that happens")
{
    write_queue q(bytes_max, 1);
    for (int round = 1; round <= 5; ++round)
    {
        for (partition_id id : {1, 2}) q.put_partition(used(id, round), {});
        q.put(key, sent(round));
        q.drop(key, t0 + round * 1s);
        q.drop_name("8", {});
        q.drop_all({});
        q.put_erasure({t0, t0 + round * 1s}, {});
        q.touch({key}, t0);
        q.lost(q.take());
    }
    std::map<std::size_t, int> kinds;
    for (const queued_change& c : q.take())
    {
        ++kinds[c.what.index()];
        if (auto* p = std::get_if<partition_record>(&c.what)) CHECK(p->used_at == t0 + 5s);
        if (auto* e = std::get_if<erasure_change>(&c.what)) CHECK(e->what.erasing_since == t0 + 5s);
        if (auto* a = std::get_if<drop_all_change>(&c.what)) CHECK(a->generation == q.generation());
    }
    CHECK(kinds[change(partition_record()).index()] == 2);
    CHECK(kinds[change(drop_all_change()).index()] == 1);
    CHECK(kinds[change(erasure_change()).index()] == 1);
    CHECK(kinds[change(drop_name_change()).index()] == 1);
    CHECK(kinds[change(drop_change()).index()] <= 1);
    CHECK(kinds[change(put_change()).index()] == 0);
    CHECK(kinds[change(touch_change()).index()] == 0);
}

TEST_CASE("write queue: who waits for a change is still told when the queue is too full to put everything back")
{
    write_queue q(bytes_max, 1);
    std::string told;
    for (const char* who : {"a", "b"}) q.put_partition(used(1, 1), [&told, who](bool) { told += who; });
    q.put(key, sent(0, bytes_max));
    auto busy = q.take();
    q.put_partition(used(1, 2), [&told](bool) { told += "c"; });
    q.put_back(std::move(busy));
    for (const queued_change& c : q.take())
        if (c.done) c.done(true);
    CHECK(told == "abc");
}

TEST_CASE("write queue: a drop of an older entry does not bring back what the drop of its name has taken")
{
    write_queue q(bytes_max, 1);
    q.put(key, sent(5));
    auto written = q.take();
    q.written(written);
    q.drop_name("7", {});
    q.drop(key, t0);
    REQUIRE(q.find(key));
    CHECK(q.find(key)->settles());
    CHECK_FALSE(q.find(key)->kept);
    auto drops = q.take();
    CHECK(q.find(key)->settles());
    q.written(drops);
    CHECK_FALSE(q.find(key));
}

TEST_CASE("write queue: recency is taken in chunks, one with each group, and what cannot be written of it is lost")
{
    write_queue q(bytes_max, 1);
    for (const char* name : {"1", "2"}) q.touch({entry_key(key_view{1, name})}, t0);
    for (const char* name : {"1", "2"})
    {
        auto group = q.take();
        REQUIRE(group.size() == 1);
        CHECK(std::get<touch_change>(group[0].what).keys[0].name == name);
        q.lost(std::move(group));
    }
    CHECK(q.empty());
}

TEST_CASE("write queue: puts are sorted by their keys, those of one key in their order, and none passes another change")
{
    write_queue q(1 << 20, 1);
    auto put = [&](const char* name, int second) { q.put(entry_key(key_view{1, name}), sent(second)); };
    put("3", 0);
    put("1", 0);
    put("3", 1);
    put("2", 0);
    q.drop(entry_key(key_view{1, "1"}), t0);
    put("9", 0);
    put("0", 0);
    std::string order;
    auto group = q.take();
    sort_puts(group);
    for (const queued_change& c : group)
    {
        if (auto* p = std::get_if<put_change>(&c.what))
            order += p->key.name + (p->kept->sent_at == t0 ? " " : "' ");
        else
            order += "drop ";
    }
    CHECK(order == "1 2 3 3' drop 0 9 ");
}

TEST_CASE("write queue: what was lost is not taken again while nothing can be written, and then it is taken first")
{
    write_queue q(bytes_max, 1);
    q.drop(key, t0);
    q.lost(q.take());
    q.drop_name("8", {});
    CHECK_FALSE(q.empty());
    auto fresh = q.take(false);
    REQUIRE(fresh.size() == 1);
    CHECK(std::holds_alternative<drop_name_change>(fresh[0].what));
    q.lost(std::move(fresh));
    CHECK(q.take(false).empty());
    q.put(entry_key(key_view{1, "9"}), sent(1));
    auto all = q.take();
    REQUIRE(all.size() == 3);
    CHECK(std::holds_alternative<drop_change>(all[0].what));
    CHECK(std::holds_alternative<put_change>(all[2].what));
    q.written(all);
    CHECK(q.empty());
    CHECK_FALSE(q.find(key));
}

TEST_CASE("write queue: drops that cannot be written take bounded room: when there are too many, everything is dropped")
{
    for (bool busy : {false, true})
    {
        CAPTURE(busy);
        write_queue q(bytes_max, 1);
        std::size_t most = 0;
        for (int i = 0; i < 300'000; ++i)
        {
            q.drop(entry_key(key_view{1, std::to_string(i)}), t0);
            if (i % 1000 == 3) q.drop_name("/v2/users/" + std::to_string(i), {});
            if (i % 1000 != 0) continue;
            auto group = q.take(busy);
            most = std::max(most, group.size());
            busy ? q.put_back(std::move(group)) : q.lost(std::move(group));
        }
        auto all = q.take();
        CHECK(std::max(most, all.size()) < 120'000);
        CHECK(q.generation() > 1);  // which no row has that is there
        CHECK(std::any_of(all.begin(), all.end(), [](const queued_change& c) {
            auto* a = std::get_if<drop_all_change>(&c.what);
            return a && a->generation > 1;
        }));
        q.written(all);
        for (const char* name : {"/v2/users/3", "/v2/users/299003", "7"})
            CHECK_FALSE(q.find(entry_key(key_view{1, name})));  // nothing of them is left behind
    }
}

TEST_CASE("write queue: many puts that wait for a busy file are no reason to drop anything")
{
    write_queue q(256 << 20, 1);
    for (int i = 0; i < 60'000; ++i) q.put(entry_key(key_view{1, std::to_string(i)}), sent(0));
    for (int i = 0; i < 3; ++i) q.put_back(q.take());
    CHECK(q.take().size() == 60'000);
    CHECK(q.generation() == 1);
}

TEST_CASE("write queue: a mark that hides an entry from a credential is not lost")
{
    write_queue q(bytes_max, 1);
    q.put(key, std::make_shared<const entry>(forbidden_mark(t0)));
    q.lost(q.take());
    auto again = q.take();
    REQUIRE(again.size() == 1);
    CHECK(std::holds_alternative<put_change>(again[0].what));
    q.forgo_puts(again);
    CHECK(again.size() == 1);
    q.put(entry_key(key_view{1, "8"}), sent(0, 2 * bytes_max));
    q.put(entry_key(key_view{1, "9"}), std::make_shared<const entry>(forbidden_mark(t0)));
    CHECK(q.find(entry_key(key_view{1, "9"}))->kept);
}

TEST_CASE("write queue: recency that nobody writes takes bounded room")
{
    write_queue q(bytes_max, 1);
    for (int i = 0; i < 5000; ++i) q.touch(std::vector<entry_key>(500, key), t0);
    std::size_t keys = 0;
    for (auto group = q.take(); !group.empty(); group = q.take())
        keys += std::get<touch_change>(group[0].what).keys.size();
    CHECK(keys <= 250'000);
}
