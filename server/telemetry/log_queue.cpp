#include "server/telemetry/log_queue.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace callcache
{

struct log_queue::state
{
    state(std::unique_ptr<log_writer> w, const log_queue_limits& l) : writer(std::move(w)), most(l)
    {
        // All the room there will be, so that no line costs an allocation. The system gives it memory once it is used.
        waiting.reserve(most.bytes_max);
        taken.reserve(most.bytes_max);
    }

    void run() noexcept;
    bool write_taken() noexcept;
    void tell() noexcept;

    const std::unique_ptr<log_writer> writer;
    const log_queue_limits most;

    std::mutex mutex;
    std::condition_variable filled, ended;
    std::string waiting;        // lines,
    std::size_t count = 0;      // so many,
    std::uint64_t missing = 0;  // and how many were dropped behind them
    std::uint64_t dropped = 0;
    bool is_ending = false, has_ended = false;

    // The thread's own.
    std::string taken;
    std::uint64_t untold = 0;  // how many were dropped before the line that is written next
};

void log_queue::state::run() noexcept
{
    std::unique_lock lock(mutex);
    for (;;)
    {
        filled.wait(lock, [&] { return is_ending || count > 0 || missing > 0; });
        if (count == 0 && missing == 0) break;
        taken.swap(waiting);
        const std::size_t lines = std::exchange(count, 0);
        const std::uint64_t missing_behind = std::exchange(missing, 0);
        lock.unlock();

        tell();
        const bool is_written = untold == 0 && write_taken();
        if (!is_written) untold += lines;
        untold += missing_behind;
        tell();
        taken.clear();

        lock.lock();
        if (!is_written) dropped += lines;
    }
    has_ended = true;
    ended.notify_all();
}

// Whatever a writer throws, the lines were not written.
bool log_queue::state::write_taken() noexcept
try
{
    return taken.empty() || writer->write(taken);
}
catch (...)
{
    return false;
}

void log_queue::state::tell() noexcept
try
{
    if (untold > 0 && writer->write(writer->drop_notice(untold))) untold = 0;
}
catch (...)
{}

log_queue::log_queue(std::unique_ptr<log_writer> writer, const log_queue_limits& limits) :
    state_(std::make_shared<state>(std::move(writer), limits)),
    thread_([s = state_] { s->run(); })
{}

log_queue::~log_queue()
{
    std::unique_lock lock(state_->mutex);
    state_->is_ending = true;
    state_->filled.notify_one();
    const bool has_ended = state_->ended.wait_for(lock, state_->most.end_max, [&] { return state_->has_ended; });
    lock.unlock();
    if (has_ended)
        thread_.join();
    else
        thread_.detach();
}

void log_queue::push(std::string_view line) noexcept
{
    state& s = *state_;
    std::unique_lock lock(s.mutex);
    const bool wakes = s.count == 0 && s.missing == 0;
    if (s.missing > 0 || s.count >= s.most.lines_max || line.size() > s.most.bytes_max - s.waiting.size())
    {
        ++s.missing;
        ++s.dropped;
    }
    else
    {
        s.waiting += line;
        ++s.count;
    }
    lock.unlock();
    if (wakes) s.filled.notify_one();
}

std::uint64_t log_queue::dropped() const noexcept
{
    std::lock_guard lock(state_->mutex);
    return state_->dropped;
}

}  // namespace callcache
