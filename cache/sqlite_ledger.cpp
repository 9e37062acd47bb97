// The ledger in a file: a few small rows, written with synchronous=FULL, so that a power cut takes nothing back.
//
// All of it is in memory too. A write that fails (a full disk, a file system that became read-only, a file that
// somebody deleted) is not lost: the next one opens the file anew and writes everything.

#include "cache/file_system.hpp"
#include "cache/ledger.hpp"
#include "cache/mistakes.hpp"
#include "cache/open_file.hpp"

#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace callcache
{
namespace
{

class ledger_file
{
public:
    explicit ledger_file(const std::string& path) :
        db_(path, SQLITE_OPEN_READWRITE),
        put_meta_((setup(db_), db_), "INSERT OR REPLACE INTO meta VALUES (?1, ?2)"),
        put_minute_(db_, "INSERT OR REPLACE INTO minute VALUES (?1, ?2)"),
        put_share_(db_, "INSERT OR REPLACE INTO share VALUES (?1, ?2, ?3)"),
        drop_minutes_(db_, "DELETE FROM minute WHERE at < ?1 OR count = 0"),
        drop_shares_(db_, "DELETE FROM share WHERE at < ?1 OR count = 0")
    {
        struct stat info;
        if (stat(path.c_str(), &info) == 0) inode_ = info.st_ino;
    }

    // False once the path surely leads to another file, or to none.
    bool is_at(const std::string& path) const
    {
        struct stat info;
        return stat(path.c_str(), &info) == 0 ? info.st_ino == inode_ : !is_gone(path);
    }

    ledger_page read()
    {
        ledger_page page;
        auto number = [&](const char* name) {
            sqlite::statement s(db_, "SELECT value FROM meta WHERE name = ?1");
            s.bind(1, std::string_view(name));
            return s.step() ? s.integer(0) : 0;
        };
        page.time = from_micros(number("time"));
        page.wall = from_micros(number("wall"));
        page.steady = steady_time(std::chrono::nanoseconds(number("steady")));
        page.any_day_until = from_micros(number("any_day_until"));
        page.paused_until = from_micros(number("paused_until"));
        page.clean = number("clean") != 0;
        sqlite::statement boot(db_, "SELECT value FROM meta WHERE name = 'boot'");
        if (boot.step()) page.boot = boot.bytes(0);
        sqlite::statement minutes(db_, "SELECT at, count FROM minute WHERE count > 0 ORDER BY at");
        while (minutes.step()) page.spent.push_back({minutes.integer(0), minutes.integer(1)});
        sqlite::statement shares(db_, "SELECT at, tool, count FROM share WHERE count > 0 ORDER BY at, tool");
        while (shares.step())
            page.shares.push_back({shares.integer(0), std::string(shares.bytes(1)), shares.integer(2)});
        return page;
    }

    void write(const ledger_page& page)
    {
        db_.execute("BEGIN IMMEDIATE");
        try
        {
            write_rows(page);
            db_.execute("COMMIT");
        }
        catch (...)
        {
            sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
            throw;
        }
    }

private:
    static void setup(sqlite::database& db)
    {
        db.use(journal::wal_alone);
        db.execute("PRAGMA synchronous = FULL");
    }

    void write_rows(const ledger_page& page)
    {
        auto put = [&](std::string_view name, std::int64_t value) { put_meta_.bind(1, name).bind(2, value).run(); };
        put("time", to_micros(page.time));
        put("wall", to_micros(page.wall));
        put("steady", std::chrono::nanoseconds(page.steady.time_since_epoch()).count());
        put("any_day_until", to_micros(page.any_day_until));
        put("paused_until", to_micros(page.paused_until));
        put("clean", page.clean);
        put_meta_.bind(1, std::string_view("boot")).bind(2, std::string_view(page.boot)).run();
        for (const auto& m : page.spent) put_minute_.bind(1, m.at).bind(2, m.count).run();
        for (const auto& s : page.shares)
            put_share_.bind(1, s.at).bind(2, std::string_view(s.tool)).bind(3, s.count).run();
        drop_minutes_.bind(1, page.oldest).run();
        drop_shares_.bind(1, page.oldest / 10).run();
    }

    sqlite::database db_;
    sqlite::statement put_meta_, put_minute_, put_share_, drop_minutes_, drop_shares_;
    ino_t inode_ = 0;
};

class sqlite_ledger final : public ledger
{
public:
    // Throws sqlite::failure and sqlite::refused.
    explicit sqlite_ledger(ledger_options o) : options_(std::move(o))
    {
        sqlite::prepare_file(options_.path, sqlite::ledger_schema(), journal::wal_alone, options_.warn,
                             [this](sqlite::database& db) { begin_spent(db); });
        file_.emplace(options_.path);
        all_ = kept_ = file_->read();
        thread_ = std::thread([this] { write_on(); });
    }

    ~sqlite_ledger() override
    {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wanted_.notify_one();
        thread_.join();
    }

    const ledger_page& kept() const override { return kept_; }

    void write(ledger_page page, written done) override
    {
        {
            std::lock_guard lock(mutex_);
            queue_.push_back({std::move(page), std::move(done)});
        }
        wanted_.notify_one();
    }

private:
    struct queued
    {
        ledger_page page;
        written done;
    };

    // What was spent today is not known: all of it counts as spent, until a day has passed.
    void begin_spent(sqlite::database& db) const
    {
        options_.warn(
            "what was spent today is not known, so all of the day's budget counts as spent until a day has passed; to "
            "begin with a whole one, stop callcache, delete " +
            options_.path + " and start it again");
        auto minute = std::chrono::floor<std::chrono::minutes>(options_.now).time_since_epoch().count();
        std::string now = std::to_string(to_micros(options_.now));
        db.execute(("INSERT INTO minute VALUES (" + std::to_string(minute) + ", " + std::to_string(options_.daily) +
                    "); UPDATE meta SET value = 0 WHERE name = 'clean'; UPDATE meta SET value = " + now +
                    " WHERE name IN ('time', 'wall')")
                       .c_str());
    }

    void write_on()
    {
        std::unique_lock lock(mutex_);
        for (;;)
        {
            wanted_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            queued next = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            bool durable = false;
            auto say = [this](std::string_view m) {
                options_.warn("a mistake in callcache, at the budget's ledger: " + std::string(m));
            };
            survives([&] { durable = write_one(next.page); }, say);
            survives([&] { next.done(durable); }, say);
            lock.lock();
        }
    }

    bool write_one(const ledger_page& page)
    {
        merge(all_, page);
        std::string trouble;
        try
        {
            if (file_ && !file_->is_at(options_.path)) file_.reset();
            if (file_)
                file_->write(page);
            else
            {
                sqlite::prepare_file(options_.path, sqlite::ledger_schema(), journal::wal_alone, options_.warn);
                file_.emplace(options_.path);
                file_->write(all_);
            }
        }
        catch (const sqlite::failure& f)
        {
            trouble = f.what();
        }
        catch (const sqlite::refused& r)
        {
            trouble = r.text;
        }
        catch (const std::exception& mistake)
        {
            trouble = mistake.what();
        }
        if (!trouble.empty()) file_.reset();
        if (trouble.empty() && !trouble_.empty()) options_.warn("the budget's ledger can be written again");
        if (!trouble.empty() && trouble_.empty())
            options_.warn("the budget's ledger cannot be written: " + trouble +
                          ". What is spent is counted in memory, and would be forgotten if callcache ended now");
        trouble_ = trouble;
        return trouble.empty();
    }

    const ledger_options options_;
    ledger_page kept_;

    // The thread's own.
    std::optional<ledger_file> file_;
    ledger_page all_;
    std::string trouble_;

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::deque<queued> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

std::variant<std::unique_ptr<ledger>, ledger_refused> open_sqlite_ledger(ledger_options options)
{
    std::string path = options.path;
    try
    {
        return std::make_unique<sqlite_ledger>(std::move(options));
    }
    catch (const sqlite::refused& r)
    {
        return ledger_refused{r.text};
    }
    catch (const sqlite::failure& f)
    {
        return ledger_refused{"cannot open the budget's ledger " + path + ": " + f.what()};
    }
}

}  // namespace callcache
