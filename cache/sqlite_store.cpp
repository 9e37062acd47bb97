// The store on SQLite: one thread writes, in groups; a few read, each with a connection of its own.
//
// A find sees what was queued before it, written or not, through `overlay_`: the newest queued state of each key. That
// is what makes a purge true from the moment it is queued, and a kept entry findable from the moment it is put:
//   A: put, queued          A: evicted from memory          B: find: without the overlay, "not kept", and a second fetch
//   A: purge: drop queued   B: find: without the overlay, the row that is about to go
//
// When the file cannot be written, what is put is lost and serving goes on. What is dropped is not forgotten: drops stay
// queued, and in the overlay, until they are written; and a put that is lost becomes a drop of what it replaced, which
// must not come back.

#include "cache/open_file.hpp"
#include "cache/rows.hpp"
#include "cache/store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace callcache
{
namespace
{

constexpr std::size_t reader_count = 2;
constexpr std::size_t queued_bytes_max = 64 << 20;       // beyond it what is put is not written
constexpr auto idle_tick = std::chrono::seconds(1);      // how often an idle writer looks after the file
constexpr duration partition_unused = std::chrono::hours(48);
constexpr duration tidy_every = std::chrono::hours(1);

struct key_hash
{
    std::size_t operator()(const entry_key& k) const
    {
        return std::hash<std::string>()(k.name) ^ std::size_t(k.partition) * 0x9e3779b97f4a7c15ull;
    }
};

struct put_change
{
    entry_key key;
    entry_ptr kept;
    std::int64_t generation;
};
struct drop_change
{
    entry_key key;
    wall_time sent_until;
};
struct drop_name_change
{
    std::string name;
};
struct drop_all_change
{
    std::int64_t generation;
};
struct touch_change
{
    std::vector<entry_key> keys;
    wall_time at;
};
using change = std::variant<put_change, drop_change, drop_name_change, drop_all_change, touch_change, partition_record>;

struct queued_change
{
    change what;
    store::written done;
    std::uint64_t number = 0;  // counts up; the overlay forgets an entry when its number is written
};

class sqlite_store final : public store
{
public:
    explicit sqlite_store(const store_options& options) : options_(options), writer_(options.path)
    {
        writer_->begin();
        salt_ = writer_->salt();
        generation_ = writer_->generation();
        partitions_ = writer_->partitions();
        writer_->commit();
        bytes_ = writer_->bytes();
        for (auto& r : readers_) r.emplace(options_.path);
        for (std::size_t i = 0; i < reader_count; ++i) threads_.emplace_back([this, i] { read_on(i); });
        threads_.emplace_back([this] { write_on(); });
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

    void find(const entry_key& key, found done) override
    {
        std::unique_lock lock(mutex_);
        if (auto state = queued_state(key); state && state->settles())
        {
            lock.unlock();
            return done(state->kept);
        }
        finds_.push_back({key, std::move(done)});
        read_wanted_.notify_one();
    }

    void put(const entry_key& key, entry_ptr e) override
    {
        std::lock_guard lock(mutex_);
        auto& state = overlay_[key];
        if (state.kept && !supersedes(e->sent_at, state.kept->sent_at)) return;
        ++number_;
        if (queued_bytes_ > queued_bytes_max)
        {
            state = {nullptr, e->sent_at, number_};
            return enqueue(drop_change{key, e->sent_at}, {});
        }
        state = {e, {}, number_};
        queued_bytes_ += e->cost();
        enqueue(put_change{key, std::move(e), generation_}, {});
    }

    void drop(const entry_key& key, wall_time sent_until) override
    {
        std::lock_guard lock(mutex_);
        auto& state = overlay_[key];
        ++number_;
        if (state.kept && state.kept->sent_at > sent_until) state.number = number_;
        else state = {nullptr, std::max(state.sent_until, sent_until), number_};
        enqueue(drop_change{key, sent_until}, {});
    }

    void drop_name(const std::string& name, written done) override
    {
        std::lock_guard lock(mutex_);
        ++number_;
        std::erase_if(overlay_, [&](const auto& o) { return o.first.name == name; });
        dropped_names_[name] = number_;
        enqueue(drop_name_change{name}, std::move(done));
    }

    void drop_all(written done) override
    {
        std::lock_guard lock(mutex_);
        ++number_;
        overlay_.clear();
        generation_ += 1;
        enqueue(drop_all_change{generation_}, std::move(done));
    }

    void touch(std::vector<entry_key> keys, wall_time at) override
    {
        std::lock_guard lock(mutex_);
        ++number_;
        enqueue(touch_change{std::move(keys), at}, {});
    }

    void put_partition(const partition_record& p, written done) override
    {
        std::lock_guard lock(mutex_);
        ++number_;
        enqueue(p, std::move(done));
    }

    state current() const override { return {bytes_.load(), writable_.load()}; }

private:
    struct queued_find
    {
        entry_key key;
        found done;
    };
    // What is queued for a key: an entry, or a drop of what was sent for until then.
    struct overlay_state
    {
        entry_ptr kept;
        wall_time sent_until{};
        std::uint64_t number = 0;

        // True if there is no need to look at the row.
        bool settles() const { return kept || sent_until == wall_time::max(); }
    };

    // REQUIRES: mutex_ is held.
    void enqueue(change c, written done)
    {
        queue_.push_back({std::move(c), std::move(done), number_});
        write_wanted_.notify_one();
    }

    // REQUIRES: mutex_ is held.
    std::optional<overlay_state> queued_state(const entry_key& key) const
    {
        if (auto o = overlay_.find(key); o != overlay_.end()) return o->second;
        if (dropped_names_.contains(key.name)) return overlay_state{nullptr, wall_time::max(), 0};
        return std::nullopt;
    }

    void read_on(std::size_t reader)
    {
        std::unique_lock lock(mutex_);
        for (;;)
        {
            read_wanted_.wait(lock, [&] { return stopping_ || !finds_.empty(); });
            if (finds_.empty()) return;
            queued_find wanted = std::move(finds_.front());
            finds_.pop_front();
            lock.unlock();
            answer_find(std::move(wanted), reader);
            lock.lock();
        }
    }

    void answer_find(queued_find wanted, std::size_t reader)
    {
        std::int64_t generation;
        wall_time dropped_until{};
        {
            std::unique_lock lock(mutex_);
            if (auto state = queued_state(wanted.key))
            {
                lock.unlock();
                if (state->settles()) return wanted.done(state->kept);
                dropped_until = state->sent_until;
            }
            generation = generation_;
        }
        sqlite::row_reader::outcome found;
        try
        {
            std::shared_lock files(files_mutex_);
            if (readers_[reader]) found = readers_[reader]->find(wanted.key, generation);
        }
        catch (const sqlite::failure& f)
        {
            if (f.is_corruption()) corrupt_ = true;
            options_.warn(std::string("reading the database failed: ") + f.what());
        }
        if (found.damaged)
        {
            options_.warn("a row of the database is damaged and was dropped");
            drop(wanted.key, wall_time::max());
        }
        if (found.kept && found.kept->sent_at <= dropped_until) found.kept = nullptr;
        wanted.done(std::move(found.kept));
    }

    void write_on()
    {
        std::unique_lock lock(mutex_);
        for (bool last = false; !last;)
        {
            // While the file cannot be written, one attempt a tick.
            bool writable = writable_;
            auto patience = writable && more_to_tidy_ ? std::chrono::seconds(0) : idle_tick;
            write_wanted_.wait_for(lock, patience, [&] { return stopping_ || (writable && !queue_.empty()); });
            std::deque<queued_change> group;
            group.swap(queue_);
            queued_bytes_ = 0;
            last = stopping_;
            lock.unlock();
            if (corrupt_.exchange(false)) replace();
            if (!group.empty()) write(group);
            // As much as was put may have to go.
            more_to_tidy_ = true;
            for (std::size_t step = 0; more_to_tidy_ && step <= group.size() / 100; ++step) tidy();
            lock.lock();
        }
    }

    // One group, one transaction: waiting for the disk once makes many changes durable.
    void write(std::deque<queued_change>& group)
    {
        bool good = false;
        try
        {
            if (!writer_) open();
            writer_->begin();
            wall_time at = options_.clock();
            for (const queued_change& q : group) apply(q.what, at);
            if (!writable_) writer_->prove_writable();
            writer_->commit();
            bytes_ = writer_->bytes();
            good = true;
            if (!writable_) options_.warn("the database can be written again");
        }
        catch (const sqlite::failure& f)
        {
            if (writer_) writer_->roll_back();
            if (f.is_corruption()) corrupt_ = true;
            else if (writable_)
                options_.warn(std::string("the database cannot be written: ") + f.what() +
                              "; kept calls are still served, new ones are kept in memory alone");
        }
        writable_ = good;
        std::vector<written> told;
        for (queued_change& q : group)
            if (auto done = std::exchange(q.done, {})) told.push_back(std::move(done));
        {
            std::lock_guard lock(mutex_);
            if (good)
                for (const queued_change& q : group) written_now(q);
            else queue_again(group);
        }
        for (const written& done : told) done(good);
    }

    // The overlay need not hold it any longer. REQUIRES: mutex_ is held.
    void written_now(const queued_change& q)
    {
        if (auto* p = std::get_if<put_change>(&q.what)) forget(p->key, q.number);
        if (auto* d = std::get_if<drop_change>(&q.what)) forget(d->key, q.number);
        if (auto* n = std::get_if<drop_name_change>(&q.what))
            if (auto o = dropped_names_.find(n->name); o != dropped_names_.end() && o->second <= q.number)
                dropped_names_.erase(o);
    }

    // Back to the head of the queue, in its order, with drops in the place of puts. REQUIRES: mutex_ is held.
    void queue_again(std::deque<queued_change>& group)
    {
        std::deque<queued_change> again;
        for (queued_change& q : group)
        {
            if (auto* p = std::get_if<put_change>(&q.what))
            {
                auto o = overlay_.find(p->key);
                if (o == overlay_.end() || o->second.number != q.number) continue;  // something newer is queued
                o->second = {nullptr, p->kept->sent_at, q.number};
                q.what = drop_change{p->key, p->kept->sent_at};
            }
            if (!std::holds_alternative<touch_change>(q.what)) again.push_back(std::move(q));
        }
        queue_.insert(queue_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
    }

    // REQUIRES: mutex_ is held.
    void forget(const entry_key& key, std::uint64_t number)
    {
        if (auto o = overlay_.find(key); o != overlay_.end() && o->second.number <= number) overlay_.erase(o);
    }

    void apply(const change& c, wall_time at)
    {
        if (auto* p = std::get_if<put_change>(&c)) writer_->put(p->key, *p->kept, p->generation, at);
        if (auto* d = std::get_if<drop_change>(&c)) writer_->drop(d->key, d->sent_until);
        if (auto* n = std::get_if<drop_name_change>(&c)) writer_->drop_name(n->name);
        if (auto* a = std::get_if<drop_all_change>(&c))
        {
            writer_->set_generation(a->generation);
            std::remove(sqlite::corrupt_copy(options_.path).c_str());
        }
        if (auto* t = std::get_if<touch_change>(&c))
            for (const entry_key& key : t->keys) writer_->touch(key, t->at);
        if (auto* r = std::get_if<partition_record>(&c)) writer_->put_partition(*r);
    }

    // A small step of what keeps the file within its bounds.
    void tidy()
    {
        try
        {
            wall_time at = options_.clock();
            more_to_tidy_ = false;
            if (!writer_) return;
            more_to_tidy_ = writer_->remove_outdated() || writer_->remove_sent_before(at - options_.keep_max) ||
                            writer_->evict(options_.bytes_max, at - partition_unused) || writer_->give_back_pages();
            bytes_ = writer_->bytes();
            if (at - tidied_at_ < tidy_every) return;
            tidied_at_ = at;
            writer_->forget_partitions(at - options_.keep_max);
            struct stat copy;
            std::string corrupt = sqlite::corrupt_copy(options_.path);
            if (stat(corrupt.c_str(), &copy) == 0 &&
                at - wall_time(std::chrono::seconds(copy.st_mtime)) > options_.keep_max)
                std::remove(corrupt.c_str());
        }
        catch (const sqlite::failure& f)
        {
            more_to_tidy_ = false;
            if (f.is_corruption()) corrupt_ = true;
        }
    }

    // Throws failure.
    void open()
    {
        writer_.emplace(options_.path);
        for (auto& r : readers_) r.emplace(options_.path);
    }

    // Our own file is corrupt: moves it aside and goes on with a new one, with the same salt and partitions, so that
    // who is trusted stays trusted.
    void replace()
    {
        std::unique_lock files(files_mutex_);
        std::vector<partition_record> partitions = partitions_;
        try
        {
            if (writer_) partitions = writer_->partitions();
        }
        catch (const sqlite::failure&)
        {
            // As they were at the start; the rest is confirmed anew.
        }
        for (auto& r : readers_) r.reset();
        writer_.reset();
        try
        {
            sqlite::replace_file(options_.path, salt_, partitions);
            open();
            writer_->begin();
            writer_->set_generation(generation_);
            writer_->commit();
            options_.warn("the database was corrupt; it was moved to " + sqlite::corrupt_copy(options_.path) +
                          " and a new one begun");
        }
        catch (const sqlite::refused& r)
        {
            options_.warn(r.text);
        }
        catch (const sqlite::failure& f)
        {
            options_.warn(std::string("the corrupt database could not be replaced: ") + f.what());
        }
    }

    const store_options options_;
    std::string salt_;
    std::vector<partition_record> partitions_;

    mutable std::mutex mutex_;
    std::condition_variable write_wanted_, read_wanted_;
    std::deque<queued_change> queue_;
    std::deque<queued_find> finds_;
    std::unordered_map<entry_key, overlay_state, key_hash> overlay_;
    std::unordered_map<std::string, std::uint64_t> dropped_names_;
    std::uint64_t number_ = 0;
    std::atomic<std::int64_t> generation_{0};
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;

    std::shared_mutex files_mutex_;  // held by who reads; alone by who replaces the file
    std::optional<sqlite::row_writer> writer_;  // the writer's thread
    std::optional<sqlite::row_reader> readers_[reader_count];
    std::atomic<bool> corrupt_{false}, writable_{true};
    std::atomic<std::uint64_t> bytes_{0};
    bool more_to_tidy_ = false;
    wall_time tidied_at_{};
    std::vector<std::thread> threads_;
};

}  // namespace

opened_store open_sqlite_store(const store_options& options)
{
    try
    {
        sqlite::prepare_file(options.path, options.warn);
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
