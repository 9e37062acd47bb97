#include "cache/memory_tier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};

entry_ptr sent(wall_time at, std::size_t body_bytes = 100)
{
    auto e = std::make_shared<entry>();
    e->sent_at = at;
    e->body.assign(body_bytes, 'x');
    return e;
}

key_view key(std::string_view name, partition_id partition = 1)
{
    return {partition, name};
}

std::set<std::string> names(const std::vector<entry_key>& keys)
{
    std::set<std::string> all;
    for (const entry_key& k : keys) all.insert(k.name);
    return all;
}

// A tier of one shard that holds ten such entries and no more.
constexpr std::size_t ten = 1 << 20;
constexpr std::size_t tenth = 100'000;

}  // namespace

TEST_CASE("memory: what was put is found, and nothing else")
{
    memory_tier m(8 << 20);
    CHECK(m.entries() == 0);
    CHECK(m.bytes() == 0);
    CHECK_FALSE(m.find(key("1")));
    entry_ptr e = sent(t0);
    CHECK(m.put(key("1"), e));
    CHECK(m.find(key("1")) == e);
    CHECK_FALSE(m.find(key("2")));
    CHECK_FALSE(m.find(key("")));
    CHECK(m.entries() == 1);
    CHECK(m.bytes() >= e->body.size());
}

TEST_CASE("memory: two partitions are apart")
{
    memory_tier m(8 << 20);
    entry_ptr a = sent(t0), b = sent(t0 - 1h);
    m.put(key("1", 1), a);
    CHECK_FALSE(m.find(key("1", 2)));
    m.put(key("1", 2), b);
    CHECK(m.find(key("1", 1)) == a);
    CHECK(m.find(key("1", 2)) == b);
    m.erase(key("1", 1), t0);
    CHECK_FALSE(m.find(key("1", 1)));
    CHECK(m.find(key("1", 2)) == b);
}

TEST_CASE("memory: of two answers the one that was sent for later wins, in whatever order they come")
{
    memory_tier m(8 << 20);
    entry_ptr older = sent(t0), newer = sent(t0 + 1s), same = sent(t0 + 1s);
    CHECK(m.put(key("1"), newer));
    CHECK_FALSE(m.put(key("1"), older));
    CHECK(m.find(key("1")) == newer);
    CHECK(m.put(key("1"), same));
    CHECK(m.find(key("1")) == same);
    CHECK(m.put(key("2"), older));
    CHECK(m.put(key("2"), newer));
    CHECK(m.find(key("2")) == newer);
    CHECK(m.entries() == 2);
    // Kept while the clock was wrong: it must not stay for ever.
    m.put(key("3"), sent(t0 + 365 * 24h));
    CHECK(m.put(key("3"), older));
    CHECK(m.find(key("3")) == older);
}

TEST_CASE("memory: an erasure respects what was sent for after it")
{
    memory_tier m(8 << 20);
    m.put(key("1"), sent(t0));
    m.erase(key("1"), t0 - 1us);
    CHECK(m.find(key("1")));
    m.erase(key("1"), t0);
    CHECK_FALSE(m.find(key("1")));
    m.erase(key("never put"), t0);
    CHECK(m.entries() == 0);
    CHECK(m.bytes() == 0);
}

TEST_CASE("memory: a name is erased under every partition, whenever it was sent for")
{
    memory_tier m(8 << 20);
    for (partition_id p = 1; p <= 3; ++p) m.put(key("1", p), sent(t0 + p * 1h));
    m.put(key("2", 1), sent(t0));
    m.erase_name("1");
    for (partition_id p = 1; p <= 3; ++p) CHECK_FALSE(m.find(key("1", p)));
    CHECK(m.find(key("2", 1)));
    CHECK(m.entries() == 1);
}

TEST_CASE("memory: cleared, it is empty, and goes on")
{
    memory_tier m(64 << 20);
    for (int i = 0; i < 1000; ++i) m.put(key(std::to_string(i)), sent(t0));
    CHECK(m.entries() == 1000);
    m.clear();
    CHECK(m.entries() == 0);
    CHECK(m.bytes() == 0);
    CHECK_FALSE(m.find(key("1")));
    CHECK(m.take_used().empty());
    CHECK(m.put(key("1"), sent(t0)));
    CHECK(m.find(key("1")));
}

TEST_CASE("memory: a refill is refused if anything was put, erased or cleared since the row was read")
{
    memory_tier m(ten);
    entry_ptr row = sent(t0);
    SUBCASE("nothing happened")
    {
        std::uint64_t version = m.version(key("1"));
        m.find(key("1"));
        CHECK(m.refill(key("1"), row, version));
        CHECK(m.find(key("1")) == row);
    }
    SUBCASE("put")
    {
        std::uint64_t version = m.version(key("1"));
        m.put(key("1"), sent(t0 - 1h));
        CHECK_FALSE(m.refill(key("1"), row, version));
    }
    SUBCASE("put and erased again")
    {
        std::uint64_t version = m.version(key("1"));
        m.put(key("1"), sent(t0));
        m.erase(key("1"), t0);
        CHECK_FALSE(m.refill(key("1"), row, version));
        CHECK_FALSE(m.find(key("1")));
    }
    SUBCASE("erased, though there was nothing")
    {
        std::uint64_t version = m.version(key("1"));
        m.erase(key("1"), t0);
        CHECK_FALSE(m.refill(key("1"), row, version));
        CHECK_FALSE(m.find(key("1")));
    }
    SUBCASE("its name erased, though there was nothing")
    {
        std::uint64_t version = m.version(key("1"));
        m.erase_name("1");
        CHECK_FALSE(m.refill(key("1"), row, version));
    }
    SUBCASE("cleared, though there was nothing")
    {
        std::uint64_t version = m.version(key("1"));
        m.clear();
        CHECK_FALSE(m.refill(key("1"), row, version));
    }
    SUBCASE("something that was sent for later is held")
    {
        m.put(key("1"), sent(t0 + 1s));
        CHECK_FALSE(m.refill(key("1"), row, m.version(key("1"))));
    }
}

TEST_CASE("memory: the same in every shard")
{
    memory_tier m(64 << 20);
    for (int i = 0; i < 200; ++i)
    {
        std::string name = std::to_string(i);
        std::uint64_t version = m.version(key(name));
        m.clear();
        CHECK_FALSE(m.refill(key(name), sent(t0), version));
        version = m.version(key(name));
        m.erase_name(name);
        CHECK_FALSE(m.refill(key(name), sent(t0), version));
        CHECK(m.refill(key(name), sent(t0), m.version(key(name))));
    }
}

TEST_CASE("memory: its bytes are bounded, whatever comes")
{
    std::mt19937 random(1);
    for (std::size_t bound : {std::size_t(1 << 20), std::size_t(3 << 20), std::size_t(16 << 20)})
    {
        memory_tier m(bound);
        for (int i = 0; i < 2000; ++i)
        {
            std::string name = std::to_string(random() % 500);
            switch (random() % 8)
            {
            case 0: m.erase(key(name), t0 + 2000s); break;
            case 1: m.erase_name(name); break;
            case 2:
            case 3: m.find(key(name)); break;
            default:
                m.put(key(name, random() % 3 + 1), sent(t0 + 1s * int(random() % 2000), random() % 200'000));
                break;
            }
            REQUIRE(m.bytes() <= bound);
        }
        CHECK(m.entries() > 0);
        m.clear();
        CHECK(m.bytes() == 0);
    }
}

TEST_CASE("memory: the bytes held are those of what is held")
{
    memory_tier m(64 << 20);
    m.put(key("1"), sent(t0, 1000));
    std::size_t one = m.bytes();
    m.put(key("2"), sent(t0, 1000));
    CHECK(m.bytes() == 2 * one);
    m.put(key("1"), sent(t0 + 1s, 1500));
    CHECK(m.bytes() == 2 * one + 500);
    m.put(key("1"), sent(t0, 9000));  // older: not taken
    CHECK(m.bytes() == 2 * one + 500);
    m.erase_name("1");
    CHECK(m.bytes() == one);
    m.erase(key("2"), t0);
    CHECK(m.bytes() == 0);
}

TEST_CASE("memory: the largest answer that is kept fits into the smallest shard")
{
    for (std::size_t bound : {std::size_t(2 << 20), std::size_t(128 << 20)})
    {
        memory_tier m(bound);
        for (int i = 0; i < 50; ++i) CHECK(m.put(key(std::to_string(i)), sent(t0, 1 << 20)));
    }
}

TEST_CASE("memory: what exceeds the bound alone is not taken, and pushes out nothing")
{
    memory_tier m(ten);
    m.put(key("1"), sent(t0));
    CHECK_FALSE(m.put(key("2"), sent(t0, 2 << 20)));
    CHECK_FALSE(m.find(key("2")));
    CHECK(m.find(key("1")));
    CHECK_FALSE(m.refill(key("2"), sent(t0, 2 << 20), m.version(key("2"))));
    CHECK(m.entries() == 1);
}

TEST_CASE("memory: what is too large to hold is not shadowed by an older answer")
{
    memory_tier m(ten);
    m.put(key("1"), sent(t0));
    CHECK_FALSE(m.put(key("1"), sent(t0 + 1s, 2 << 20)));
    CHECK_FALSE(m.find(key("1")));
}

TEST_CASE("memory: SIEVE keeps what was asked for again, and a pass over many ids does not throw it out")
{
    memory_tier m(ten);
    for (std::string hot : {"a", "b", "c"}) m.put(key(hot), sent(t0, tenth));
    for (int i = 0; i < 100; ++i)
    {
        for (std::string hot : {"a", "b", "c"}) CHECK(m.find(key(hot)));
        m.put(key(std::to_string(i)), sent(t0, tenth));
    }
    for (std::string hot : {"a", "b", "c"}) CHECK(m.find(key(hot)));
    CHECK(m.entries() == 10);
}

TEST_CASE("memory: of what nobody asked for again, the oldest goes first")
{
    memory_tier m(ten);
    for (int i = 0; i < 10; ++i) CHECK(m.put(key(std::to_string(i)), sent(t0, tenth)));
    REQUIRE(m.entries() == 10);
    m.find(key("0"));
    m.put(key("10"), sent(t0, tenth));
    m.put(key("11"), sent(t0, tenth));
    for (std::string kept : {"0", "3", "9", "10", "11"}) CHECK(m.find(key(kept)));
    for (std::string gone : {"1", "2"}) CHECK_FALSE(m.find(key(gone)));
}

TEST_CASE("memory: visited once and never again, it goes at last")
{
    memory_tier m(ten);
    for (int i = 0; i < 10; ++i) m.put(key(std::to_string(i)), sent(t0, tenth));
    for (int i = 0; i < 10; ++i) m.find(key(std::to_string(i)));
    for (int i = 10; i < 40; ++i) CHECK(m.put(key(std::to_string(i)), sent(t0, tenth)));
    CHECK(m.entries() == 10);
    CHECK_FALSE(m.find(key("0")));
}

TEST_CASE("memory: what was used is told once, also when it was evicted since")
{
    memory_tier m(ten);
    for (int i = 0; i < 10; ++i) m.put(key(std::to_string(i)), sent(t0, tenth));
    CHECK(m.take_used().empty());
    m.find(key("3"));
    m.find(key("3"));
    m.find(key("5"));
    m.find(key("no such"));
    CHECK(names(m.take_used()) == std::set<std::string>{"3", "5"});
    CHECK(m.take_used().empty());
    std::set<std::string> all;
    for (int i = 0; i < 10; ++i) all.insert(std::to_string(i));
    for (const std::string& name : all) m.find(key(name));
    m.put(key("10"), sent(t0, tenth));
    REQUIRE(m.entries() == 10);  // one of those used has gone
    auto used = m.take_used();
    CHECK(names(used) == all);
    CHECK(used.size() == all.size());
    CHECK(m.take_used().empty());
}

TEST_CASE("memory: what is used says whose it is")
{
    memory_tier m(8 << 20);
    m.put(key("1", 1), sent(t0));
    m.put(key("1", 2), sent(t0));
    m.find(key("1", 2));
    auto used = m.take_used();
    REQUIRE(used.size() == 1);
    CHECK(used.front().partition == 2);
}

TEST_CASE("memory: a path's queries may take all of it, and not one shard")
{
    memory_tier m(64 << 20);
    for (int i = 0; i < 2000; ++i) m.put(key("/v2/users?page=" + std::to_string(i)), sent(t0, 10'000));
    CHECK(m.entries() == 2000);
}

TEST_CASE("memory: a path that is erased goes with every query, under every partition, wherever they are held")
{
    memory_tier m(64 << 20);
    const std::vector<std::string> others{"/v2/users/5", "/v2/users/5?page=1", "/v2/users@", "/v2/user?page=1",
                                          "/v2/users>"};
    for (partition_id p : {1, 2})
    {
        for (int i = 0; i < 500; ++i) m.put(key("/v2/users?page=" + std::to_string(i), p), sent(t0));
        m.put(key("/v2/users", p), sent(t0));
        for (const std::string& name : others) m.put(key(name, p), sent(t0));
    }
    std::vector<std::uint64_t> versions;
    for (int i = 0; i < 500; ++i) versions.push_back(m.version(key("/v2/users?page=" + std::to_string(i))));
    m.erase(key("/v2/users?page=7", 1), t0);
    CHECK(m.find(key("/v2/users?page=7", 2)));
    m.erase_name("/v2/users");
    CHECK(m.entries() == 2 * others.size());
    for (const std::string& name : others) CHECK(m.find(key(name, 2)));
    // And none that a reader has read before comes back.
    for (int i = 0; i < 500; ++i)
        CHECK_FALSE(m.refill(key("/v2/users?page=" + std::to_string(i)), sent(t0), versions[std::size_t(i)]));
}

TEST_CASE("memory: what was sent for too long ago is erased in every shard, and nothing else")
{
    memory_tier m(64 << 20);
    for (int i = 0; i < 500; ++i) m.put(key(std::to_string(i)), sent(t0 + i * 1s));
    m.erase_older(t0 + 200s);
    CHECK(m.entries() == 300);
    CHECK_FALSE(m.find(key("199")));
    CHECK(m.find(key("200")));
}

TEST_CASE("memory: transcripts leave calls a quarter, and the longest unused of them goes first")
{
    memory_tier m(ten);
    for (int i = 0; i < 3; ++i) m.put(key("call " + std::to_string(i)), sent(t0, tenth / 2));
    m.put(key("/v2/users?a=1"), sent(t0, tenth / 2));
    for (int i = 0; i < 50; ++i) m.put(key(std::to_string(i) + "?transcript"), sent(t0, tenth));
    for (int i = 0; i < 3; ++i) CHECK(m.find(key("call " + std::to_string(i))));
    CHECK(m.find(key("/v2/users?a=1")));
    CHECK_FALSE(m.find(key("42?transcript")));
    CHECK(m.find(key("49?transcript")));
    CHECK(m.find(key("43?transcript")));
    CHECK(m.entries() == 4 + 7);
    CHECK_FALSE(m.put(key("1?details=0"), sent(t0, 8 * tenth)));
    // What has gone leaves its room to the next.
    m.erase_view(call_view::transcript);
    CHECK(m.entries() == 4);
    for (int i = 0; i < 7; ++i) m.put(key(std::to_string(i) + "?details=0"), sent(t0, tenth));
    CHECK(m.entries() == 4 + 7);
    m.clear();
    for (int i = 0; i < 7; ++i) m.put(key(std::to_string(i) + "?details=0"), sent(t0, tenth));
    CHECK(m.entries() == 7);
    m.erase_name("3");
    m.put(key("8?details=0"), sent(t0, tenth));
    CHECK(m.entries() == 7);
}

TEST_CASE("memory: the names of a path with a query, and of no other")
{
    memory_tier m(8 << 20);
    for (const char* name : {"1", "1?transcript", "1?details=0", "12?transcript", "/v2/1?a"})
        m.put(key(name), sent(t0));
    m.put(key("1?transcript", 2), sent(t0));
    auto found = m.queries_of("1");
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{"1?details=0", "1?transcript", "1?transcript"});
    CHECK(m.queries_of("3").empty());
}
