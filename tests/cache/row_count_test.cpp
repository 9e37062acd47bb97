#include "cache/housekeeping.hpp"
#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/schema.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

struct counted_rows
{
    counted_rows()
    {
        writer.count();
        writer.begin();
        writer.put_partition({1, digest{1}, t0, t0, {}});
        writer.commit();
    }

    void put(const std::string& name, wall_time sent_at = t0, std::size_t length = 1)
    {
        entry e;
        e.sent_at = sent_at;
        std::uint32_t n = 1;
        e.body.resize(length);
        for (char& c : e.body) c = char((n = n * 1664525 + 1013904223) >> 24);  // no compression makes it smaller
        writer.put({1, name}, e, 1, t0);
    }
    // As another connection counts them.
    std::int64_t anew()
    {
        sqlite::row_writer other(path, journal::wal);
        other.count();
        return other.entries();
    }

    temp_folder folder;
    std::string path = folder.file("cache.db");
    bool made = (sqlite::prepare_file(path, sqlite::cache_schema(), journal::wal, [](const std::string&) {}), true);
    sqlite::row_writer writer{path, journal::wal};
};

}  // namespace

TEST_CASE("rows: each is counted once, whether it is new, newer or too old")
{
    counted_rows r;
    CHECK(r.writer.entries() == 0);
    r.writer.begin();
    for (const char* name : {"1", "2", "3"}) r.put(name);
    r.put("1", t0 + 1s);
    r.put("2", t0 - 1s);
    r.writer.commit();
    CHECK(r.writer.entries() == 3);
    CHECK(r.anew() == 3);
}

TEST_CASE("rows: what is dropped is not counted any more, and what is rolled back was never there")
{
    counted_rows r;
    r.writer.begin();
    for (const char* name : {"1", "2", "3", "/v2/users/7", "/v2/users/7?x=1"}) r.put(name);
    r.writer.commit();
    r.writer.begin();
    r.writer.drop({1, "1"}, t0);
    r.writer.drop({1, "2"}, t0 - 1s);  // it was sent for later
    r.writer.drop({1, "none"}, t0);
    r.writer.drop_name("/v2/users/7");
    r.writer.commit();
    CHECK(r.writer.entries() == 2);
    r.writer.begin();
    r.put("4");
    r.writer.drop({1, "2"}, t0);
    CHECK(r.writer.entries() == 2);
    r.writer.drop({1, "3"}, t0);
    r.writer.roll_back();
    CHECK(r.writer.entries() == 2);
    CHECK(r.anew() == 2);
}

TEST_CASE("rows: evictions are counted, and other ways to go are not")
{
    counted_rows r;
    r.writer.begin();
    for (int i = 0; i < 500; ++i) r.put(std::to_string(i), i < 100 ? t0 - 48h : t0);
    r.writer.commit();
    store_options bounds;
    bounds.path = r.path;
    bounds.keep_max = 24h;
    sqlite::housekeeping housekeeping(bounds);
    while (housekeeping.step(r.writer, t0))
    {}
    CHECK(r.writer.entries() == 400);
    CHECK(housekeeping.evicted() == 0);
    bounds.bytes_max = 0;
    while (housekeeping.step(r.writer, t0))
    {}
    CHECK(r.writer.entries() == 0);
    CHECK(housekeeping.evicted() == 400);
    CHECK(r.anew() == 0);
}

TEST_CASE("eviction: as many bytes go as are needed, and little more, however long the entries are")
{
    for (std::size_t length : {std::size_t(300), std::size_t(9'000), std::size_t(400'000), std::size_t(1) << 20})
    {
        CAPTURE(length);
        counted_rows r;
        store_options bounds;
        bounds.path = r.path;
        bounds.keep_max = 24h;
        bounds.bytes_max = 8 << 20;
        r.writer.begin();
        for (std::size_t i = 0; i * length < (12u << 20); ++i) r.put(std::to_string(i), t0, length);
        r.writer.commit();
        sqlite::housekeeping housekeeping(bounds);
        for (bool more = true; more;)
        {
            const std::int64_t before = r.writer.entries();
            more = housekeeping.step(r.writer, t0);
            CHECK(std::size_t(before - r.writer.entries()) * length <= (3u << 20));  // one that takes 10 ms
        }
        CHECK(r.writer.bytes() <= bounds.bytes_max);
        CHECK(r.writer.bytes() + 2 * length + (256 << 10) > bounds.bytes_max);
    }
}
