// The store on SQLite: one thread writes, in groups; a few read, each with a connection of its own. What can be read
// without waiting for the disk is read by who asks.
//
// When the file cannot be written, or its files have no room (housekeeping.hpp), what is put is lost and serving goes
// on. The write queue remembers the drops until the file can be written; for them there is always room.

#include "cache/fair_shared_mutex.hpp"
#include "cache/file_system.hpp"
#include "cache/housekeeping.hpp"
#include "cache/mistakes.hpp"
#include "cache/nowait_readers.hpp"
#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/stopwatch.hpp"
#include "cache/store.hpp"
#include "cache/write_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t reader_count = 2;
constexpr auto idle_tick = std::chrono::seconds(1);  // how often an idle writer looks after the file
constexpr int room_steps_max = 100;                  // of housekeeping, before what is put is forgone
constexpr std::size_t unmeasured_max = 64, unmeasured_bytes_max = 256 << 10;  // changes since the files were measured

class sqlite_store final : public store
{
public:
    explicit sqlite_store(const store_options& options) :
        options_(options),
        writer_(std::make_unique<sqlite::row_writer>(options.path, options.how)),
        salt_(writer_->salt()),
        partitions_(writer_->partitions()),
        kept_erasure_(writer_->erasure()),
        private_overrides_(options.reads_private_overrides ? writer_->private_overrides()
                                                           : std::vector<private_override>()),
        erasure_(kept_erasure_),
        queue_(options.queued_bytes_max, writer_->generation()),
        bytes_(writer_->bytes())
    {
        for (const partition_record& p : partitions_) known_[p.id] = p;
        open_readers();
        for (std::size_t i = 0; i < reader_count; ++i) threads_.emplace_back([this, i] { live([&] { read_on(i); }); });
        threads_.emplace_back([this] { live([&] { write_on(); }); });
    }

    ~sqlite_store() override
    {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        write_wanted_.notify_all();
        read_wanted_.notify_all();
        for (std::thread& t : threads_) t.join();
    }

    const std::string& salt() const override { return salt_; }
    const std::vector<partition_record>& kept_partitions() const override { return partitions_; }

    erasure_record kept_erasure() const override { return kept_erasure_; }
    std::vector<private_override> take_private_overrides() override { return std::exchange(private_overrides_, {}); }

    void find(const entry_key& key, found done) override
    {
        std::unique_lock lock(mutex_);
        if (auto queued = queue_.find(key); queued && queued->settles())
        {
            lock.unlock();
            return done(queued->kept);
        }
        finds_.push_back(queued_find{key, std::move(done)});
        read_wanted_.notify_one();
    }

    entry_ptr find_at_once(const entry_key& key) override
    {
        const queued_and_written here = look(key);
        if (here.settles()) return here.queued->kept;
        std::shared_lock files(files_mutex_, std::try_to_lock);
        return files ? here.left_of(at_once_.find(key, here.generation)) : nullptr;
    }

    void find_queries(const std::string& path, names_found done) override
    {
        std::unique_lock lock(mutex_);
        if (queue_.is_name_dropped(path))
        {
            lock.unlock();
            return done({});
        }
        finds_.push_back(queued_names{path, std::move(done)});
        read_wanted_.notify_one();
    }

    void put(const entry_key& key, entry_ptr e) override { change(&write_queue::put, key, std::move(e)); }
    void drop(const entry_key& key, wall_time sent_until) override { change(&write_queue::drop, key, sent_until); }
    void drop_name(const std::string& name, written done) override
    {
        change(&write_queue::drop_name, name, std::move(done));
    }
    void drop_view(call_view v) override { change(&write_queue::drop_view, v); }
    void drop_all(written done) override { change(&write_queue::drop_all, std::move(done)); }
    void put_erasure(const erasure_record& e, written done) override
    {
        change(&write_queue::put_erasure, e, std::move(done));
    }
    void touch(std::vector<entry_key> keys, wall_time at) override { change(&write_queue::touch, std::move(keys), at); }
    void put_partition(const partition_record& p, written done) override
    {
        change(&write_queue::put_partition, p, std::move(done));
    }

    state current() const override
    {
        return {bytes_,    entries_, file_bytes_,      log_bytes_,        writable_,
                has_room_, evicted_, reads_.current(), commits_.current()};
    }

private:
    struct queued_find
    {
        entry_key key;
        found done;
    };
    struct queued_names
    {
        std::string path;
        names_found done;
    };

    void say_mistake(std::string_view mistake)
    {
        options_.warn("a mistake in callcache, at the database: " + std::string(mistake));
    }

    // Lives a thread's life, and begins it again after a mistake.
    template<class Life>
    void live(const Life& life) noexcept
    {
        while (!survives(life, [this](std::string_view m) { say_mistake(m); }))
        {}
    }

    // A mistake in one who is told costs nobody else the answer.
    template<class Done, class What>
    void tell(const Done& done, const What& what) noexcept
    {
        survives([&] { done(what); }, [this](std::string_view m) { say_mistake(m); });
    }

    // What is queued for a key, and the generation of the rows that are there.
    struct queued_and_written
    {
        std::optional<write_queue::state> queued;
        std::int64_t generation;

        bool settles() const { return queued && queued->settles(); }
        entry_ptr left_of(const entry_ptr& row) const
        {
            return row && queued && row->sent_at <= queued->sent_until ? nullptr : row;
        }
    };
    queued_and_written look(const entry_key& key)
    {
        std::lock_guard lock(mutex_);
        return {queue_.find(key), queue_.generation()};
    }

    template<class... Of, class... With>
    void change(void (write_queue::*make)(Of...), With&&... with)
    {
        std::lock_guard lock(mutex_);
        (queue_.*make)(std::forward<With>(with)...);
        write_wanted_.notify_one();
    }

    // Why something could not be done with the file.
    struct trouble
    {
        std::string text;
        bool is_busy = false;     // another program reads or writes it
        bool is_mistake = false;  // the mistake is ours
    };
    template<class Work>
    std::optional<trouble> attempt(const Work& work)
    {
        try
        {
            work();
            return std::nullopt;
        }
        catch (const sqlite::failure& f)
        {
            if (f.is_corruption()) corrupt_ = true;
            return trouble{f.what(), f.primary() == SQLITE_BUSY};
        }
        catch (const sqlite::refused& r)
        {
            return trouble{r.text};
        }
        catch (const std::exception& mistake)
        {
            return trouble{mistake.what(), false, true};
        }
    }

    void read_on(std::size_t reader)
    {
        std::unique_lock lock(mutex_);
        for (;;)
        {
            read_wanted_.wait(lock, [&] { return stopping_ || !finds_.empty(); });
            if (finds_.empty()) return;
            auto wanted = std::move(finds_.front());
            finds_.pop_front();
            bool in_vain = stopping_;  // nobody will see the answer
            lock.unlock();
            if (auto* one = std::get_if<queued_find>(&wanted))
                in_vain ? tell(one->done, entry_ptr()) : answer(*one, reader);
            else if (auto* names = std::get_if<queued_names>(&wanted))
                in_vain ? tell(names->done, std::vector<std::string>()) : answer(*names, reader);
            lock.lock();
        }
    }

    template<class Work>
    void read(std::size_t reader, const Work& work)
    {
        auto failed = attempt([&] {
            auto watch = reads_.begin(options_);
            std::shared_lock files(files_mutex_);
            if (readers_[reader]) work(*readers_[reader]);
        });
        if (failed && failed->is_mistake)
            say_mistake(failed->text);
        else if (!reading_fails_.exchange(failed.has_value()) && failed)
            options_.warn("reading the database failed: " + failed->text);
    }

    void answer(const queued_names& wanted, std::size_t reader)
    {
        std::vector<std::string> names;
        read(reader, [&](sqlite::row_reader& r) { names = r.queries_of(wanted.path, generation(), names_max); });
        tell(wanted.done, names);
    }

    void answer(const queued_find& wanted, std::size_t reader)
    {
        const queued_and_written here = look(wanted.key);
        if (here.settles()) return tell(wanted.done, here.queued->kept);
        sqlite::row_reader::outcome found;
        read(reader, [&](sqlite::row_reader& r) { found = r.find(wanted.key, here.generation); });
        if (found.damaged)
        {
            options_.warn("a row of the database is damaged and was dropped");
            drop(wanted.key, std::max(found.damaged_sent_at, options_.clock()));
        }
        tell(wanted.done, here.left_of(found.kept));
    }

    void write_on()
    {
        tidy();
        std::unique_lock lock(mutex_);
        for (bool last = false; !last;)
        {
            // While the file cannot be written, one attempt a tick.
            bool writable = writable_;
            auto patience = writable && more_to_tidy_ ? std::chrono::seconds(0) : idle_tick;
            write_wanted_.wait_for(lock, patience, [&] { return stopping_ || (writable && !queue_.empty()); });
            const bool is_new = !queue_.empty();
            last = stopping_;
            lock.unlock();
            const std::size_t written = is_new || !writable_ ? write_queued() : 0;
            // As much as was put may have to go.
            more_to_tidy_ = true;
            for (std::size_t step = 0; more_to_tidy_ && step <= written / 100; ++step) tidy();
            lock.lock();
        }
    }

    // Writes what is queued; the number of changes. While the file cannot be written, a small change is tried first,
    // and what was lost before is not touched: it can be much.
    std::size_t write_queued()
    {
        auto failed = transact([this](std::unique_lock<fair_shared_mutex>& alone) {
            make_usable();
            if (writable_) return;
            alone = without_readers();
            writer_->begin();
            writer_->prove_writable();
            writer_->commit();
        });
        std::deque<queued_change> group;
        {
            std::lock_guard lock(mutex_);
            group = queue_.take(!failed);
        }
        if (failed || group.empty()) say_writable(failed);
        if (failed)
        {
            settle(group, false, failed->is_busy);
            return 0;
        }
        const std::size_t count = group.size();
        sort_puts(group);
        for (bool beyond = false; !group.empty();)
        {
            group = write(group, beyond);
            if (group.empty() || has_room_ || make_room()) continue;
            std::lock_guard lock(mutex_);
            queue_.forgo_puts(group);
            beyond = true;
        }
        return count;
    }

    // One group, one transaction: waiting for the disk once makes many changes durable. Returns those that there was no
    // room for. After a failure a group is small: on a full disk the log has room for little.
    std::deque<queued_change> write(std::deque<queued_change>& group, bool beyond)
    {
        std::size_t fit = 0;
        auto failed = transact([&](std::unique_lock<fair_shared_mutex>& alone) {
            auto watch = commits_.begin(options_);
            alone = without_readers();
            // Somebody is told that it is durable, and a power cut shall not make that untrue.
            writer_->begin(
                std::any_of(group.begin(), group.end(), [](const queued_change& q) { return bool(q.done); }));
            wall_time at = options_.clock();
            for (unmeasured_ = {}; fit < std::min(group.size(), group_max_) && (beyond || fits(group[fit])); ++fit)
                apply(group[fit].what, at);
            writer_->commit();
            measure();
        });
        std::deque<queued_change> rest;
        if (failed && !failed->is_busy) group_max_ = 1;
        if (!failed)
        {
            group_max_ = std::max(group_max_, 2 * group_max_);
            const auto first = group.begin() + std::ptrdiff_t(fit);
            rest.assign(std::make_move_iterator(first), std::make_move_iterator(group.end()));
            group.erase(first, group.end());
        }
        if (failed || rest.empty()) say_writable(failed);
        settle(group, !failed, failed && failed->is_busy);
        return rest;
    }

    // `work` gets a lock to hold while it writes.
    template<class Work>
    std::optional<trouble> transact(const Work& work)
    {
        std::unique_lock<fair_shared_mutex> alone;
        auto failed = attempt([&] { work(alone); });
        if (failed && writer_) writer_->roll_back();
        return failed;
    }

    void say_writable(const std::optional<trouble>& failed)
    {
        if (!failed && !writable_) options_.warn("the database can be written again");
        if (failed && writable_)
            options_.warn("the database cannot be written: " + failed->text +
                          "; kept calls are still served, new ones are kept in memory alone");
        writable_ = !failed;
    }

    bool fits(const queued_change& q)
    {
        auto* p = std::get_if<put_change>(&q.what);
        unmeasured_.bytes += p ? p->kept->cost() : 0;
        if (unmeasured_.changes++ > 0 && unmeasured_.changes < unmeasured_max &&
            unmeasured_.bytes < unmeasured_bytes_max)
            return true;
        unmeasured_ = {1, 0};
        return housekeeping_.has_room(writer_->file_bytes());
    }

    bool make_room()
    {
        more_to_tidy_ = true;
        for (int step = 0; more_to_tidy_ && step < room_steps_max; ++step) tidy();
        if (!has_room_ && !std::exchange(is_full_, true))
            options_.warn("the database has no room: its files take all that cache.disk_max allows, the disk has less "
                          "than 32 MiB left, or somebody who reads the file keeps its log from being cut; kept calls "
                          "are still served, new ones are kept in memory alone");
        return has_room_;
    }

    void settle(std::deque<queued_change>& group, bool good, bool busy)
    {
        std::vector<written> told;
        if (!busy)
            for (queued_change& q : group)
                if (auto done = std::exchange(q.done, {})) told.push_back(std::move(done));
        {
            std::lock_guard lock(mutex_);
            if (good)
                queue_.written(group);
            else if (busy)
                queue_.put_back(std::move(group));
            else
                queue_.lost(std::move(group));
        }
        for (const written& done : told) tell(done, good);
    }

    void apply(const callcache::change& c, wall_time at)
    {
        if (auto* p = std::get_if<put_change>(&c)) writer_->put(p->key, *p->kept, p->generation, at);
        if (auto* d = std::get_if<drop_change>(&c)) writer_->drop(d->key, d->sent_until);
        if (auto* n = std::get_if<drop_name_change>(&c)) writer_->drop_name(n->name);
        if (auto* v = std::get_if<drop_view_change>(&c)) housekeeping_.drop_view(v->what);
        if (auto* a = std::get_if<drop_all_change>(&c))
        {
            writer_->set_generation(a->generation);
            std::remove(sqlite::corrupt_copy(options_.path).c_str());
        }
        if (auto* e = std::get_if<erasure_change>(&c))
        {
            writer_->set_erasure(e->what);
            erasure_ = e->what;
        }
        if (auto* t = std::get_if<touch_change>(&c))
            for (const entry_key& key : t->keys) writer_->touch(key, t->at);
        if (auto* r = std::get_if<partition_record>(&c))
        {
            writer_->put_partition(*r);
            known_[r->id] = *r;
        }
    }

    // A small step of housekeeping. Where that fails because of the file, it is said when something is written.
    void tidy()
    {
        more_to_tidy_ = false;
        auto failed = attempt([&] {
            wall_time at = options_.clock();
            if (corrupt_ || is_gone(options_.path)) make_usable();
            if (!writer_) return;
            if (!std::exchange(is_counted_, true)) writer_->count();
            auto alone = without_readers();
            more_to_tidy_ = housekeeping_.step(*writer_, at);
            measure();
        });
        if (failed && failed->is_mistake) say_mistake(failed->text);
        if (!failed && has_room_ && std::exchange(is_full_, false)) options_.warn("the database has room again");
    }

    void measure()
    {
        bytes_ = writer_->bytes();
        entries_ = std::uint64_t(writer_->entries());
        file_bytes_ = writer_->file_bytes();
        log_bytes_ = writer_->log_bytes();
        has_room_ = housekeeping_.has_room(file_bytes_);
        evicted_ = housekeeping_.evicted();
    }

    // To be held while something is written: without a WAL nobody can read then, and would be told SQLITE_BUSY.
    std::unique_lock<fair_shared_mutex> without_readers()
    {
        if (options_.how == journal::wal) return {};
        return std::unique_lock(files_mutex_);
    }

    std::int64_t generation()
    {
        std::lock_guard lock(mutex_);
        return queue_.generation();
    }

    // What is open is left as it is, if it is sound. A file that is corrupt is moved aside, and in its place or that of
    // one that was deleted under us a new one is begun, with the same salt and partitions, so that who is trusted stays
    // trusted. Throws failure and refused; then it is tried again with the next group.
    void make_usable()
    {
        bool corrupt = corrupt_, gone = is_gone(options_.path);
        if (writer_ && !corrupt && !gone) return;
        std::unique_lock files(files_mutex_);
        at_once_.close();
        for (auto& r : readers_) r.reset();
        writer_.reset();
        if (corrupt || gone)
        {
            std::vector<partition_record> partitions;
            for (const auto& [id, record] : known_) partitions.push_back(record);
            sqlite::replace_file(options_.path, options_.how, salt_, partitions);
            options_.warn(gone ? "the database was deleted; a new one was begun"
                               : "the database was corrupt; it was moved to " + sqlite::corrupt_copy(options_.path) +
                                     " and a new one begun");
        }
        corrupt_ = false;
        auto writer = std::make_unique<sqlite::row_writer>(options_.path, options_.how);
        writer->begin();
        writer->set_generation(generation());
        writer->set_erasure(erasure_);
        writer->commit();
        open_readers();
        writer_ = std::move(writer);
        writer_->count();
    }

    // Without a WAL a reader waits for the writer; so nobody reads at once.
    void open_readers()
    {
        for (auto& r : readers_) r.emplace(options_.path);
        if (options_.how == journal::wal) at_once_.open(options_.path);
    }

    const store_options options_;
    std::unique_ptr<sqlite::row_writer> writer_;  // the writer's thread; null while the file cannot be used
    std::optional<sqlite::row_reader> readers_[reader_count];
    sqlite::nowait_readers at_once_;
    fair_shared_mutex files_mutex_;  // held by who reads; alone by who replaces the file, or writes without a WAL
    const std::string salt_;
    const std::vector<partition_record> partitions_;   // as at the start
    const erasure_record kept_erasure_;                // likewise
    std::vector<private_override> private_overrides_;  // likewise, until they are taken
    std::map<partition_id, partition_record> known_;   // as written last; the writer's thread
    erasure_record erasure_;                           // likewise

    std::mutex mutex_;  // of the queues
    std::condition_variable write_wanted_, read_wanted_;
    write_queue queue_;
    std::deque<std::variant<queued_find, queued_names>> finds_;
    bool stopping_ = false;

    std::atomic<bool> corrupt_{false}, writable_{true}, has_room_{true}, reading_fails_{false};
    std::atomic<std::uint64_t> bytes_, entries_{0}, file_bytes_{0}, log_bytes_{0}, evicted_{0};
    stopwatch reads_, commits_;
    sqlite::housekeeping housekeeping_{options_};     // the writer's thread
    bool is_counted_ = false, more_to_tidy_ = false;  // likewise
    std::size_t group_max_ = std::size_t(1) << 63;    // likewise; doubled with each success, up to this
    bool is_full_ = false;                            // likewise: said, and not yet taken back
    struct
    {
        std::size_t changes = 0, bytes = 0;
    } unmeasured_;  // likewise: of the open transaction, since the files were measured
    std::vector<std::thread> threads_;
};

}  // namespace

opened_store open_sqlite_store(const store_options& options)
{
    try
    {
        sqlite::prepare_file(options.path, sqlite::cache_schema(), options.how, options.warn);
        return std::make_unique<sqlite_store>(options);
    }
    catch (const sqlite::refused& r)
    {
        return store_refused{r.text};
    }
    catch (const sqlite::failure& f)
    {
        return store_refused{"cannot open the database " + options.path + ": " + f.what()};
    }
}

}  // namespace callcache
