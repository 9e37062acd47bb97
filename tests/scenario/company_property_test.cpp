// The rule of cache/private_overrides.hpp against a model of it, through thousands of random events: answers that
// arrive late, purges, evictions from memory, restarts.

#include "cache/tiers.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/wait.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <set>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr int keys = 3, names = 6;

enum class kind
{
    shared,     // 200
    secret,     // 200, isPrivate
    missing,    // 404
    forbidden,  // 403
};

// What the vendor last said to one key alone.
struct word
{
    kind what = kind::missing;
    wall_time sent_at{};
    bool has_row = true;  // else it is known until the next start alone: the key asks for itself
};

struct flight
{
    wall_time sent_at{};
    epoch_ticket ticket = 0;
    bool purged = false;
};

entry_ptr an_answer(kind what, int key, wall_time sent_at)
{
    auto e = std::make_shared<entry>();
    e->body = std::to_string(key) + std::string(200, what == kind::secret ? 's' : 'b');
    e->sent_at = sent_at;
    e->fresh_for = 1h;
    e->is_private = what == kind::secret;
    e->is_negative = what == kind::missing;
    return e;
}

struct company_model
{
    company_model() { open(); }
    void open()
    {
        kept.reset();
        store_options o;
        o.path = folder.file("cache.db");
        o.keep_max = 30 * 24h;
        o.clock = [] { return wall_time(1'790'000'000s); };
        o.warn = [](const std::string&) {};
        o.reads_private_overrides = true;
        auto opened = open_sqlite_store(o);
        auto& disk = std::get<std::unique_ptr<store>>(opened);
        known = std::make_unique<partitions>(disk->salt(), "https://api.gong.io", disk->kept_partitions(), listed);
        for (int k = 0; k < keys; ++k)
        {
            whose[k] = known->of("basic", listed[std::size_t(k)], listed[std::size_t(k)]);
            known->enroll(*whose[k]);
            whose[k]->use(now);
            disk->put_partition(whose[k]->record());
        }
        whose[0]->company()->use(now);
        disk->put_partition(whose[0]->company()->record());
        kept = std::make_unique<tiers>(3000, std::move(disk));  // a handful of entries
    }
    void restart()
    {
        open();
        flying.clear();
        std::erase_if(words, [](const auto& w) { return !w.second.has_row; });
        private_until.clear();
    }

    // As a front does.
    entry_ptr find(int k, const std::string& name)
    {
        if (entry_ptr e = kept->find_in_memory(*whose[k], name)) return e;
        return wait_for<entry_ptr>([&](auto done) { kept->find_on_disk(whose[k], name, done); });
    }
    void send(int k, const std::string& name) { flying.try_emplace({k, name}, flight{now, kept->ticket()}); }
    void land(int k, const std::string& name, kind what)
    {
        auto at = flying.find({k, name});
        if (at == flying.end()) return;
        flight f = at->second;
        flying.erase(at);
        if (what == kind::forbidden)
            kept->drop(*whose[k], name, f.sent_at);
        else
            kept->keep(*whose[k], name, an_answer(what, k, f.sent_at), f.ticket);

        auto held = shared.find(name);
        bool is_newer = held == shared.end() || f.sent_at >= held->second->sent_at;
        if (what == kind::secret)
        {
            if (!is_newer)
            {
                unsure.insert({k, name});
                return;
            }
            late.erase(name);
            if (held != shared.end()) shared.erase(held);
            private_until[name] = std::max(private_until[name], f.sent_at);
        }
        if (f.purged && what != kind::forbidden)
        {
            // A mark outlives the purge; another word is known without a row.
            word none{what, f.sent_at, false};
            if (what != kind::shared) words.try_emplace({k, name}, none);
            return;
        }
        unsure.erase({k, name});
        if (what != kind::shared)
        {
            words[{k, name}] = {what, f.sent_at};
            return;
        }
        words.erase({k, name});
        if (f.sent_at <= private_until[name]) return;
        if (is_newer) late.erase(name);
        if (is_newer)
            shared[name] = an_answer(what, k, f.sent_at);
        else
            late[name].insert(f.sent_at);
    }
    void purge(const std::string& name)
    {
        kept->purge(name, [](bool) {});
        shared.erase(name);
        late.erase(name);
        for (auto& [key, w] : words)
            if (key.second == name) w.has_row = w.has_row && w.what == kind::forbidden;
        for (auto& [key, f] : flying)
            if (key.second == name) f.purged = true;
    }
    void purge_all()
    {
        kept->purge_all([](bool) {});
        shared.clear();
        late.clear();
        words.clear();
        unsure.clear();
        private_until.clear();
        for (auto& [key, f] : flying) f.purged = true;
    }

    void check(int k, const std::string& name)
    {
        CAPTURE(k);
        CAPTURE(name);
        entry_ptr e = find(k, name);
        if (e && e->is_private) CHECK(e->body.starts_with(std::to_string(k)));
        if (unsure.contains({k, name})) return;
        auto own = words.find({k, name});
        if (own == words.end())
        {
            auto all = shared.find(name);
            REQUIRE((e != nullptr) == (all != shared.end()));
            if (!e) return;
            CHECK((e->sent_at == all->second->sent_at || late[name].contains(e->sent_at)));
            CHECK_FALSE(is_own(*e));
            ++hits;
            return;
        }
        // While the drop of a name is queued at the store, its mark is not found there.
        if (!e && own->second.what == kind::forbidden) return;
        REQUIRE((e != nullptr) == own->second.has_row);
        if (!e) return;
        CHECK(e->sent_at == own->second.sent_at);
        CHECK(e->is_private == (own->second.what == kind::secret));
        CHECK(e->is_negative == (own->second.what == kind::missing));
        CHECK(e->is_passed == (own->second.what == kind::forbidden));
        ++own_hits;
    }

    temp_folder folder;
    const std::vector<std::string> listed{"one", "two", "three"};
    std::unique_ptr<partitions> known;
    partition_ptr whose[keys];
    std::unique_ptr<tiers> kept;
    wall_time now{1'790'000'000s};

    std::map<std::string, entry_ptr> shared;
    std::map<std::string, wall_time> private_until;  // what was sent for until then is not shared
    std::map<std::pair<int, std::string>, word> words;
    std::set<std::pair<int, std::string>> unsure;     // told private, by an answer older than one that is shared
    std::map<std::string, std::set<wall_time>> late;  // older than it, and arrived later: shown if that was evicted
    std::map<std::pair<int, std::string>, flight> flying;
    int hits = 0, own_hits = 0;
};

}  // namespace

TEST_SUITE_BEGIN("threads: company");

TEST_CASE("company: whatever arrives when, each key finds its own word, or else the latest that is shared")
{
    for (unsigned seed = 1; seed <= 3; ++seed)
    {
        CAPTURE(seed);
        std::mt19937 random(seed);
        auto below = [&](int n) { return int(random() % unsigned(n)); };
        company_model m;
        for (int step = 0; step < 6000; ++step)
        {
            CAPTURE(step);
            m.now += std::chrono::microseconds(1 + below(1000));
            int k = below(keys);
            std::string name = std::to_string(below(names));
            int event = below(1000);
            if (event < 250)
                m.send(k, name);
            else if (event < 500)
                m.land(k, name,
                       std::array{kind::shared, kind::shared, kind::shared, kind::secret, kind::missing,
                                  kind::forbidden}[std::size_t(below(6))]);
            else if (event < 510)
                m.purge(name);
            else if (event < 512)
                m.purge_all();
            else if (event < 517)
                m.restart();
            else
                m.check(k, name);
        }
        CHECK(m.hits > 500);
        CHECK(m.own_hits > 300);
    }
}

TEST_SUITE_END();
