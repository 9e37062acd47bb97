// The ledger in a file: a few small rows, written with synchronous=FULL, so that a power cut takes nothing back.
//
// All of it is in memory too. A write that fails (a full disk, a file system that became read-only, a file that
// somebody deleted) is not lost: the next one opens the file anew and writes everything.
//
// The lock makes it ours. If that is lost, another process may own the budget by now: then nothing is written any more,
// and nothing that this process had is put back.

#include "cache/file_system.hpp"
#include "cache/ledger.hpp"
#include "cache/ledger_rows.hpp"
#include "cache/mistakes.hpp"
#include "cache/open_file.hpp"

#include <condition_variable>
#include <cstdio>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace callcache
{
namespace
{

class ledger_file
{
public:
    explicit ledger_file(const std::string& path) :
        path_(path),
        db_(path, SQLITE_OPEN_READWRITE),
        writer_((setup(db_), db_)),
        file_(file_at(path))
    {}

    // False once its path surely leads to another file, or to none.
    bool is_there() const { return file_ && !leads_elsewhere(path_, *file_); }

    ledger_page read() { return sqlite::read_ledger(db_); }

    // `all`: what the ledger holds with `page` in it.
    void write(const ledger_page& page, const ledger_page& all)
    {
        begin();
        writer_.write(page, all);
    }
    void write_anew(const ledger_page& all)
    {
        begin();
        writer_.write_anew(all);
    }

    // Leaves nothing beside the file. Without it the log stays, for the next opening.
    void finish() noexcept { sqlite::end_log(db_); }

    // The path leads to another file by now: our log goes, or SQLite would put it into that one.
    void remove_log()
    {
        if (log_ && file_at(path_ + "-wal") == log_) std::remove((path_ + "-wal").c_str());
    }

private:
    static void setup(sqlite::database& db)
    {
        db.use(journal::wal_alone);
        db.execute("PRAGMA synchronous = FULL");
        sqlite::keep_log(db, true);
    }

    void begin()
    {
        if (log_) return;
        sqlite::begin_log(db_);
        log_ = file_at(path_ + "-wal");
    }

    const std::string path_;
    sqlite::database db_;
    sqlite::ledger_writer writer_;
    const std::optional<file_id> file_;
    std::optional<file_id> log_;  // none: nothing was written
};

class sqlite_ledger final : public ledger
{
public:
    // Throws sqlite::failure and sqlite::refused.
    explicit sqlite_ledger(ledger_options o) : options_(std::move(o))
    {
        sqlite::prepare_file(options_.path, sqlite::ledger_schema(), journal::wal_alone, options_.warn,
                             [this](sqlite::database& db, bool corrupt) {
                                 if (corrupt) begin_spent(db);
                             });
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
        if (!is_lost() && file_) file_->finish();
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
        ledger_page spent;
        auto minute = std::chrono::floor<std::chrono::minutes>(options_.now).time_since_epoch().count();
        if (options_.daily > 0) spent.spent.push_back({minute, std::int64_t(options_.daily)});
        spent.time = spent.wall = options_.now;
        sqlite::ledger_writer(db).write_anew(spent);
    }

    void write_on()
    {
        std::unique_lock lock(mutex_);
        for (;;)
        {
            wanted_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            unmerged_.splice(unmerged_.end(), queue_, queue_.begin());
            lock.unlock();
            written done = std::move(unmerged_.back().done);
            const ledger_state how = write_last();
            survives([&] { done(how); },
                     [this](std::string_view m) {
                         options_.warn("a mistake in callcache, at the budget's ledger: " + std::string(m));
                     });
            lock.lock();
        }
    }

    // Whatever goes wrong is an answer: the process goes on.
    ledger_state write_last()
    {
        if (is_lost()) return ledger_state::not_ours;
        try
        {
            write_unmerged();
        }
        catch (const sqlite::refused& r)
        {
            return cannot_write(r.text.c_str());
        }
        catch (const std::exception& e)  // sqlite::failure too
        {
            return cannot_write(e.what());
        }
        if (std::exchange(in_trouble_, false)) say(options_.warn, "the budget's ledger can be written again");
        return ledger_state::durable;
    }

    // Usually one page; several if memory ran out before an earlier one was merged.
    void write_unmerged()
    {
        for (; unmerged_.size() > 1; unmerged_.pop_front()) merge(all_, unmerged_.front().page);
        merge(all_, unmerged_.back().page);
        const ledger_page page = std::move(unmerged_.back().page);
        unmerged_.clear();
        if (file_ && !file_->is_there())
        {
            file_->remove_log();
            file_.reset();
        }
        if (file_) return file_->write(page, all_);
        sqlite::prepare_file(options_.path, sqlite::ledger_schema(), journal::wal_alone, options_.warn,
                             [this](sqlite::database& db, bool) { sqlite::ledger_writer(db).write_anew(all_); });
        file_.emplace(options_.path);
        file_->write_anew(all_);
    }

    ledger_state cannot_write(const char* why)
    {
        file_.reset();
        if (!std::exchange(in_trouble_, true))
            say(options_.warn, "the budget's ledger cannot be written: ", why,
                ". What is spent is counted in memory, and would be forgotten if callcache ended now");
        return ledger_state::in_memory;
    }

    bool is_lost()
    {
        if (lost_ || !options_.lock || !options_.lock->is_lost()) return lost_;
        lost_ = true;
        file_.reset();
        say(options_.error, "nothing is sent to Gong any more: ", options_.lock->path().c_str(),
            ", the lock on the budget's ledger, was removed or replaced while callcache ran, so another one may be "
            "sending. Kept calls are still answered. Restart callcache, and leave its files alone while it runs");
        return true;
    }

    // Skips the line if there is no memory for it.
    template<class... Parts>
    static void say(const std::function<void(const std::string&)>& to, const Parts&... parts)
    {
        survives([&] { to((std::string() + ... + parts)); }, [](std::string_view) {});
    }

    const ledger_options options_;
    ledger_page kept_;

    // The thread's own.
    std::optional<ledger_file> file_;  // none while it cannot be written
    ledger_page all_;
    std::list<queued> unmerged_;  // not in all_ yet
    bool in_trouble_ = false, lost_ = false;

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::list<queued> queue_;
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
