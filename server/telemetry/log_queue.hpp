// The lines of the log, on their way to where they are written, which may take as long as it likes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace callcache
{

// Writes lines. The queue's thread alone calls it, and holds no lock meanwhile: it may block, and it may throw.
class log_writer
{
public:
    virtual ~log_writer() = default;

    // Writes whole lines, each with its end. False: it could not, and they count as dropped.
    virtual bool write(std::string_view lines) = 0;

    // The line that says that so many lines were dropped.
    virtual std::string drop_notice(std::uint64_t lines) = 0;
};

struct log_queue_limits
{
    std::size_t lines_max = 10'000;  // that wait; as many again may be in the writer's hands
    std::size_t bytes_max = 1 << 20;
    std::chrono::milliseconds end_max = std::chrono::seconds(1);
};

// Nobody waits for the writer. A line that finds the queue full is dropped and counted, and so is every further one
// until the thread takes what is queued. Lines keep their order; in the place of those that are missing a line says how
// many they are, as soon as it can be written.
class log_queue
{
public:
    // Begins the thread.
    explicit log_queue(std::unique_ptr<log_writer>, const log_queue_limits& = {});

    // Waits until what is queued is written, but at most for `end_max`. A writer that still blocks then keeps its
    // thread, and what the thread needs, until the process ends.
    ~log_queue();
    log_queue(const log_queue&) = delete;
    log_queue& operator=(const log_queue&) = delete;

    // Any thread. `line` has its end.
    void push(std::string_view line) noexcept;

    // Any thread. All that were dropped so far.
    std::uint64_t dropped() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;  // the thread has it too
    std::thread thread_;
};

}  // namespace callcache
