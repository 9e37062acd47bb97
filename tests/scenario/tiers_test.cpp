// The two tiers never disagree to a reader's harm: the interleavings of the design, one by one.

#include "cache/tiers.hpp"
#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace callcache;
using namespace callcache::test;

namespace
{

// A store that answers when the test says so: with what it held when it was asked, as a slow reader would.
class slow_store final : public store
{
public:
    const std::string& salt() const override { return salt_; }
    const std::vector<partition_record>& kept_partitions() const override { return none_; }
    void find(const entry_key& k, found done) override
    {
        auto at = rows.find(k.name);
        asked.push_back([e = at == rows.end() ? nullptr : at->second, done = std::move(done)] { done(e); });
    }
    entry_ptr find_at_once(const entry_key& k) override
    {
        auto at = rows.find(k.name);
        entry_ptr e = at == rows.end() ? nullptr : at->second;
        if (meanwhile) meanwhile();
        return e;
    }
    void put(const entry_key& k, entry_ptr e) override { rows[k.name] = std::move(e); }
    void drop(const entry_key& k, wall_time) override { rows.erase(k.name); }
    void drop_name(const std::string& n, written done) override
    {
        rows.erase(n);
        done(true);
    }
    void drop_all(written done) override
    {
        rows.clear();
        done(true);
    }
    erasure_record kept_erasure() const override { return erasure; }
    void put_erasure(const erasure_record& e, written done) override
    {
        erasure = e;
        done(true);
    }
    void touch(std::vector<entry_key>, wall_time) override {}
    void put_partition(const partition_record&, written) override {}
    state current() const override { return {}; }

    std::map<std::string, entry_ptr> rows;
    erasure_record erasure;
    std::function<void()> meanwhile;          // what others do between a reading at once and its use
    std::deque<std::function<void()>> asked;  // readers that have found their row, and have not told yet

private:
    std::string salt_ = "salt";
    std::vector<partition_record> none_;
};

entry_ptr an_entry(int second)
{
    auto e = std::make_shared<entry>();
    e->body = "body";
    e->sent_at = wall_time(std::chrono::seconds(1000 + second));
    e->fresh_for = 1h;
    return e;
}

struct two_tiers
{
    slow_store* disk = new slow_store;
    tiers t{1 << 20, std::unique_ptr<store>(disk)};
    partitions known{"salt", "https://api.gong.io", {}};
    partition_ptr whose = known.of("basic", "a");

    two_tiers() { known.enroll(*whose); }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: two tiers");

TEST_CASE("A: reader finds the row. B: purge. A: refills memory: refused, a purged entry is not served again")
{
    for (bool all : {false, true})
    {
        two_tiers x;
        x.disk->rows["1"] = an_entry(0);
        x.t.find_on_disk(x.whose, "1", [](entry_ptr) {});
        REQUIRE(x.disk->asked.size() == 1);
        if (all)
            x.t.purge_all([](bool) {});
        else
            x.t.purge("1", [](bool) {});
        x.disk->asked.front()();
        CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);
    }
}

TEST_CASE("A: reads the row at once. B: purge. A: refills memory: refused, a purged entry is not served again")
{
    for (bool all : {false, true})
    {
        two_tiers x;
        x.disk->rows["1"] = an_entry(0);
        x.disk->meanwhile = [&] {
            if (all)
                x.t.purge_all([](bool) {});
            else
                x.t.purge("1", [](bool) {});
        };
        x.t.find_at_once(*x.whose, "1");
        CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);
    }
}

TEST_CASE("what is read at once is in memory then")
{
    two_tiers alone;
    alone.disk->rows["1"] = an_entry(0);
    CHECK(alone.t.find_at_once(*alone.whose, "1") == alone.disk->rows["1"]);
    CHECK(alone.t.find_in_memory(*alone.whose, "1") == alone.disk->rows["1"]);
    CHECK(alone.t.find_at_once(*alone.whose, "2") == nullptr);
}

TEST_CASE("A: fetch sent. B: purge. A: the answer arrives: it is not kept")
{
    two_tiers x;
    epoch_ticket before = x.t.ticket();
    SUBCASE("of the whole")
    {
        x.t.purge_all([](bool) {});
    }
    SUBCASE("of the call")
    {
        x.t.purge("1", [](bool) {});
    }
    SUBCASE("of the entry")
    {
        x.t.drop(*x.whose, "1", an_entry(0)->sent_at);
    }
    CHECK_FALSE(x.t.keep(*x.whose, "1", an_entry(0), before));
    CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);
    CHECK(x.disk->rows.empty());
    CHECK(x.t.keep(*x.whose, "1", an_entry(1), x.t.ticket()));
}

TEST_CASE("A: reader finds the old row. B: a newer answer is kept. A: refills memory: refused")
{
    two_tiers x;
    x.disk->rows["1"] = an_entry(0);
    x.t.find_on_disk(x.whose, "1", [](entry_ptr) {});
    CHECK(x.t.keep(*x.whose, "1", an_entry(5), x.t.ticket()));
    x.disk->asked.front()();
    CHECK(x.t.find_in_memory(*x.whose, "1")->sent_at == an_entry(5)->sent_at);
}

TEST_CASE("of two answers the one that was sent for later stays, whichever arrives first")
{
    two_tiers x;
    CHECK(x.t.keep(*x.whose, "1", an_entry(5), x.t.ticket()));
    CHECK_FALSE(x.t.keep(*x.whose, "1", an_entry(4), x.t.ticket()));
    CHECK(x.disk->rows["1"]->sent_at == an_entry(5)->sent_at);
}

TEST_CASE("a purge of one name keeps out that name's answers alone, with any query")
{
    two_tiers x;
    epoch_ticket before = x.t.ticket();
    x.t.purge("/v2/users", [](bool) {});
    CHECK_FALSE(x.t.keep(*x.whose, "/v2/users", an_entry(0), before));
    CHECK_FALSE(x.t.keep(*x.whose, "/v2/users?x=1", an_entry(0), before));
    CHECK(x.t.keep(*x.whose, "/v2/users/5", an_entry(0), before));
    CHECK(x.t.keep(*x.whose, "1", an_entry(0), before));
    CHECK(x.t.keep(*x.whose, "/v2/users", an_entry(0), x.t.ticket()));
    x.t.purge("/v2/users", [](bool) {});
    CHECK(x.t.find_in_memory(*x.whose, "/v2/users") == nullptr);
    CHECK(x.t.find_in_memory(*x.whose, "/v2/users/5"));
}

TEST_CASE("however many names are purged, none of their older answers is kept")
{
    two_tiers x;
    epoch_ticket before = x.t.ticket();
    for (int i = 0; i < 3000; ++i) x.t.purge(std::to_string(i), [](bool) {});
    for (int i = 0; i < 3000; ++i) CHECK_FALSE(x.t.keep(*x.whose, std::to_string(i), an_entry(0), before));
    CHECK(x.t.keep(*x.whose, "5", an_entry(0), x.t.ticket()));
}

TEST_CASE("what a company's key has fetched is in memory for the others, but for what one of them has of its own")
{
    two_tiers x;
    partitions company("salt", "https://api.gong.io", {}, {"a", "b", "c"});
    partition_ptr a = company.of("basic", "a", "a"), b = company.of("basic", "b", "b"),
                  c = company.of("basic", "c", "c");
    for (const partition_ptr& p : {a, b}) company.enroll(*p);
    CHECK(x.t.keep(*a, "1", an_entry(0), x.t.ticket()));
    CHECK(x.t.find_in_memory(*a, "1"));
    CHECK(x.t.find_in_memory(*b, "1") == x.t.find_in_memory(*a, "1"));
    CHECK(x.t.find_in_memory(*c, "1") == nullptr);  // a stranger as yet
    CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);

    x.t.drop(*b, "1", an_entry(1)->sent_at);
    REQUIRE(x.t.find_in_memory(*b, "1"));
    CHECK(x.t.find_in_memory(*b, "1")->is_passed);
    CHECK_FALSE(x.t.find_in_memory(*a, "1")->is_passed);
    CHECK(x.t.keep(*b, "1", an_entry(2), x.t.ticket()));
    CHECK(x.t.find_in_memory(*a, "1")->sent_at == an_entry(2)->sent_at);
    CHECK(x.t.find_in_memory(*b, "1") == x.t.find_in_memory(*a, "1"));
}

TEST_CASE("A: 404 sent. B: purge. A: it arrives: it is not kept, and A reads nothing that B fetches then")
{
    two_tiers x;
    partitions company("salt", "https://api.gong.io", {}, {"a", "b"});
    partition_ptr a = company.of("basic", "a", "a"), b = company.of("basic", "b", "b");
    for (const partition_ptr& p : {a, b}) company.enroll(*p);
    epoch_ticket before = x.t.ticket();
    x.t.purge("1", [](bool) {});
    auto missing = std::make_shared<entry>(*an_entry(0));
    missing->is_negative = true;
    CHECK_FALSE(x.t.keep(*a, "1", missing, before));
    CHECK(x.t.keep(*b, "1", an_entry(1), x.t.ticket()));
    CHECK(x.t.find_in_memory(*b, "1"));
    CHECK(x.t.find_in_memory(*a, "1") == nullptr);
    CHECK(x.t.keep(*a, "1", an_entry(2), x.t.ticket()));
    CHECK(x.t.find_in_memory(*a, "1"));
}

TEST_CASE("an erasure drops everything, and guards what comes after it, from when it was sent")
{
    two_tiers x;
    wall_time now = an_entry(10)->sent_at;
    REQUIRE(x.t.keep(*x.whose, "1", an_entry(0), x.t.ticket()));
    x.t.erasure_begins(now, [](bool) {});
    CHECK(x.disk->erasure.erasing_since == now);
    CHECK(x.t.find_in_memory(*x.whose, "1"));
    epoch_ticket before = x.t.ticket();
    SUBCASE("that counts")
    {
        x.t.erasure_ends(now, true, [](bool) {});
        CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);
        CHECK_FALSE(x.t.keep(*x.whose, "1", an_entry(11), before));
        CHECK(x.t.is_guarded(6h, now + 5h));
        CHECK_FALSE(x.t.is_guarded(6h, now + 6h));
        CHECK(x.disk->erasure.erased_at == now);
    }
    SUBCASE("that was refused")
    {
        x.t.erasure_ends(now, false, [](bool) {});
        CHECK(x.t.find_in_memory(*x.whose, "1"));
        CHECK_FALSE(x.t.is_guarded(6h, now + 1h));
        CHECK(x.disk->erasure.erased_at == wall_time());
    }
    CHECK(x.disk->erasure.erasing_since == wall_time());
}

TEST_CASE("of two erasures at once, the one that is still under way counts as done for the next process")
{
    two_tiers x;
    wall_time now = an_entry(10)->sent_at;
    x.t.erasure_begins(now, [](bool) {});
    x.t.erasure_begins(now + 1s, [](bool) {});
    x.t.erasure_ends(now + 1s, false, [](bool) {});
    CHECK(x.disk->erasure.erasing_since == now);

    auto* disk = new slow_store;
    disk->erasure = x.disk->erasure;
    disk->rows["1"] = an_entry(0);
    tiers next(1 << 20, std::unique_ptr<store>(disk));
    CHECK(disk->rows.empty());
    CHECK(next.is_guarded(6h, now + 1h));
    CHECK(disk->erasure.erasing_since == wall_time());
}

TEST_CASE("a purge while the vendor answers: the askers get their answer, and it is not kept")
{
    harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    bool durable = false;
    w.cache->kept().purge_all([&](bool good) { durable = good; });
    w.vendor->release(w.id(1));
    answer a = t.read();
    CHECK(a.status == 200);
    CHECK(a.cache("stored") == "");
    w.run_until([&] { return durable; });
    CHECK(w.get(w.path(1)).cache("fwd") == "miss");
}

// A: finds it      B: purge      A: the vendor fails: what was found is not served once more
TEST_CASE("what was dropped while a lookup is on its way does not serve when that fails")
{
    harness w;
    w.clock_runs = true;
    w.start();
    w.get(w.path(1));
    w.get(w.path(2));
    w.clock.advance(10min);
    bool is_dropped = false;
    w.vendor->hold(w.id(1));
    w.vendor->script(w.id(1), sim::scripted{"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"});
    tool t(w);
    t.send(w.request("GET", w.path(1), {{"Cache-Control", "no-cache"}}));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 2; });
    SUBCASE("nothing was: it serves") {}
    SUBCASE("a purge of its name")
    {
        is_dropped = true;
        w.cache->kept().purge(w.id(1), [](bool) {});
    }
    SUBCASE("a purge of another name: it serves")
    {
        w.cache->kept().purge(w.id(2), [](bool) {});
    }
    SUBCASE("a purge of everything")
    {
        is_dropped = true;
        w.cache->kept().purge_all([](bool) {});
    }
    w.vendor->release(w.id(1));
    answer a = t.read();
    CHECK(a.status == (is_dropped ? 500 : 200));
}

TEST_CASE("what was purged stays purged after a restart")
{
    harness w;
    w.start();
    w.get(w.path(1));
    w.get(w.path(2));
    std::atomic<bool> durable = false;
    w.cache->kept().purge(w.id(1), [&](bool good) { durable = good; });
    w.run_until([&] { return durable.load(); });
    w.start();
    CHECK(w.get(w.path(1)).cache("fwd") == "miss");
    CHECK(w.get(w.path(2)).cache("hit") == "hit");
    durable = false;
    w.cache->kept().purge_all([&](bool good) { durable = good; });
    w.run_until([&] { return durable.load(); });
    w.start();
    CHECK(w.get(w.path(2)).cache("fwd") == "miss");
}

TEST_CASE("memory drops what the disk deletes for its age, and a clock that leaps empties neither")
{
    two_tiers x;
    const wall_time sent_at = an_entry(0)->sent_at;
    const steady_time start{};
    REQUIRE(x.t.keep(*x.whose, "1", an_entry(0), x.t.ticket()));
    x.t.look_after({sent_at + 29 * 24h, start});
    x.t.look_after({sent_at + 70 * 24h, start + 1min});
    CHECK(x.t.find_in_memory(*x.whose, "1"));
    x.t.look_after({sent_at + 31 * 24h, start + 48h});
    CHECK_FALSE(x.t.find_in_memory(*x.whose, "1"));
}

TEST_SUITE_END();
