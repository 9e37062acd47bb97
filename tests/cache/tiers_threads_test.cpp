// A reader takes no lock of the tiers'. What it may do in the middle of a drop is played with a thread of its own,
// which the drop waits for.

#include "cache/tiers.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

entry_ptr an_entry(wall_time sent_at)
{
    auto e = std::make_shared<entry>();
    e->body = "body";
    e->sent_at = sent_at;
    e->fresh_for = 1h;
    return e;
}

// A store, with something done on another thread before and after each drop.
class watched_store final : public store
{
public:
    explicit watched_store(std::unique_ptr<store> s) : s_(std::move(s)) {}

    const std::string& salt() const override { return s_->salt(); }
    const std::vector<partition_record>& kept_partitions() const override { return s_->kept_partitions(); }
    erasure_record kept_erasure() const override { return s_->kept_erasure(); }
    void find(const entry_key& k, found done) override { s_->find(k, std::move(done)); }
    entry_ptr find_at_once(const entry_key& k) override { return s_->find_at_once(k); }
    void put(const entry_key& k, entry_ptr e) override { s_->put(k, std::move(e)); }
    void drop(const entry_key& k, wall_time sent_until) override
    {
        watch([&] { s_->drop(k, sent_until); });
    }
    void drop_name(const std::string& n, written done) override
    {
        watch([&] { s_->drop_name(n, std::move(done)); });
    }
    void drop_all(written done) override
    {
        watch([&] { s_->drop_all(std::move(done)); });
    }
    void put_erasure(const erasure_record& e, written done) override { s_->put_erasure(e, std::move(done)); }
    void touch(std::vector<entry_key> k, wall_time at) override { s_->touch(std::move(k), at); }
    void put_partition(const partition_record& p, written done) override { s_->put_partition(p, std::move(done)); }
    state current() const override { return s_->current(); }

    std::function<void()> before, after;

private:
    template<class Drop>
    void watch(Drop drop)
    {
        if (before) std::thread(before).join();
        drop();
        if (after) std::thread(after).join();
    }

    const std::unique_ptr<store> s_;
};

struct two_tiers
{
    temp_folder folder;
    watched_store* disk = new watched_store(open());
    tiers t{1 << 20, std::unique_ptr<store>(disk)};
    partitions known{t.disk().salt(), "https://api.gong.io", {}};
    partition_ptr whose = known.of("basic", "a");

    two_tiers()
    {
        known.enroll(*whose);
        t.disk().put_partition(whose->record());
    }
    std::unique_ptr<store> open() const
    {
        store_options o;
        o.path = folder.file("cache.db");
        o.keep_max = 30 * 24h;
        o.clock = [] { return t0; };
        o.warn = [](const std::string&) {};
        auto opened = open_sqlite_store(o);
        REQUIRE(std::holds_alternative<std::unique_ptr<store>>(opened));
        return std::move(std::get<std::unique_ptr<store>>(opened));
    }
    entry_ptr find_on_disk()
    {
        return wait_for<entry_ptr>([&](auto done) { t.find_on_disk(whose, "1", done); });
    }
};

}  // namespace

TEST_SUITE_BEGIN("threads: two tiers");

TEST_CASE("a reader in the middle of a drop refills memory with nothing that is found once the drop has been made")
{
    const std::pair<std::string, std::function<void(two_tiers&)>> drops[] = {
        {"of everything", [](two_tiers& x) { x.t.purge_all([](bool) {}); }},
        {"of its name", [](two_tiers& x) { x.t.purge("1", [](bool) {}); }},
        {"of the entry", [](two_tiers& x) { x.t.drop(*x.whose, "1", t0); }},
        {"by an erasure", [](two_tiers& x) { x.t.erasure_ends(t0, true, [](bool) {}); }},
    };
    for (const auto& [what, drop] : drops)
        for (bool at_once : {false, true})
        {
            CAPTURE(what);
            CAPTURE(at_once);
            two_tiers x;
            REQUIRE(x.t.keep(*x.whose, "1", an_entry(t0), x.t.ticket()));
            auto is_found = [&] { return (at_once ? x.t.find_at_once(*x.whose, "1") : x.find_on_disk()) != nullptr; };
            std::string found;
            x.disk->before = [&] { found += is_found() ? "before " : ""; };
            x.disk->after = [&] { found += is_found() ? "after" : ""; };
            drop(x);
            CHECK(found == "before ");
            CHECK(x.t.find_in_memory(*x.whose, "1") == nullptr);
            CHECK(x.t.find_at_once(*x.whose, "1") == nullptr);
            CHECK(x.find_on_disk() == nullptr);
        }
}

TEST_CASE(
    "a credential that the vendor refuses keeps no answer of before, and others keep theirs, however many it loses")
{
    for (int drops : {1, 1023, 1024, 1025, 3000})
    {
        CAPTURE(drops);
        tiers t(1 << 20, make_empty_store());
        partitions known("salt", "https://api.gong.io", {});
        partition_ptr whose = known.of("basic", "a");
        known.enroll(*whose);
        epoch_ticket before = t.ticket();
        for (int i = 0; i < drops; ++i) t.drop(*whose, std::to_string(i), t0);
        int kept = 0;
        for (int i = 0; i < drops; ++i) kept += t.keep(*whose, std::to_string(i), an_entry(t0), before);
        CHECK(kept == 0);
        for (int i = 0; i < drops; ++i) kept += t.keep(*whose, std::to_string(i), an_entry(t0 + 1s), t.ticket());
        CHECK(kept == drops);
        // Beyond so many the answers to all calls that are on their way are given up.
        CHECK(t.keep(*whose, "another", an_entry(t0), before) == (drops <= 1024));
    }
}

TEST_SUITE_END();
