// What of a row is served or decided upon is under its checksum.

#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/schema.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};

struct file_with_a_row
{
    file_with_a_row()
    {
        sqlite::prepare_file(path, sqlite::cache_schema(), journal::wal, [](const std::string&) {});
        sqlite::row_writer writer(path, journal::wal);
        entry e;
        e.body = "body";
        e.content_type = "application/json";
        e.etag = "\"e\"";
        e.sent_at = t0;
        e.fresh_for = 5min;
        e.missing_since = t0 - 1h;
        writer.begin();
        writer.put({1, "7"}, e, 1, t0);
        writer.commit();
    }
    void alter(const std::string& assignment)
    {
        sqlite::database(path, SQLITE_OPEN_READWRITE).execute(("UPDATE entry SET " + assignment).c_str());
    }
    // Under whatever key the row stands now, by both ways of reading.
    bool serves()
    {
        sqlite::database db(path, SQLITE_OPEN_READONLY);
        sqlite::statement row(db, "SELECT partition, name FROM entry");
        REQUIRE(row.step());
        entry_key key(key_view{row.integer(0), row.bytes(1)});
        using patience = sqlite::row_reader::patience;
        bool any = false;
        for (patience how : {patience::waits, patience::never})
            any = sqlite::row_reader(path, how).find(key, 1).kept != nullptr || any;
        return any;
    }

    temp_folder folder;
    std::string path = folder.file("cache.db");
};

}  // namespace

TEST_CASE("rows: one of which anything was altered that is served or decided upon is not served")
{
    // Of each column what it is altered to. A new column fails the test until it is under the checksum, or stands
    // below.
    const std::map<std::string, std::vector<std::string>> guarded{
        {"partition", {"2"}},
        {"name", {"'8'"}},
        {"generation", {"0", "2"}},
        {"sent_at", {"sent_at + 1", "sent_at - 1", "0"}},
        {"fresh_for", {"fresh_for + 1"}},
        {"missing_since", {"missing_since + 1", "0"}},
        {"flags", {"1", "2", "4", "8"}},
        {"content_type", {"'text/html'", "''"}},
        {"etag", {"'\"f\"'", "''"}},
        {"checksum", {"x'00'", "x''"}},
        {"body", {"'bodx'", "'bod'", "''"}},
        {"plain_bytes", {"1", "4", "-1"}},
    };
    const std::map<std::string, std::string> free{
        {"id", "the place of the row"},
        {"used_at", "when it is evicted"},
        {"source", "what `explain` says of where it came from"},
    };
    REQUIRE(file_with_a_row().serves());
    file_with_a_row schema;
    sqlite::database db(schema.path, SQLITE_OPEN_READONLY);
    sqlite::statement columns(db, "SELECT name FROM pragma_table_info('entry')");
    while (columns.step())
    {
        const std::string column(columns.bytes(0));
        CAPTURE(column);
        CHECK(guarded.contains(column) + free.contains(column) == 1);
        if (!guarded.contains(column)) continue;
        for (const std::string& value : guarded.at(column))
        {
            CAPTURE(value);
            file_with_a_row f;
            f.alter(column + " = " + value);
            CHECK_FALSE(f.serves());
        }
    }
}
