// The end of a benchmark's phase, which ends the pauses of its threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace callcache::bench
{

// Any thread.
class phase_end
{
public:
    void come()
    {
        std::lock_guard lock(mutex_);
        has_come_ = true;
        came_.notify_all();
    }
    bool has_come()
    {
        std::lock_guard lock(mutex_);
        return has_come_;
    }
    void pause(std::chrono::nanoseconds at_most)
    {
        std::unique_lock lock(mutex_);
        came_.wait_for(lock, at_most, [this] { return has_come_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    bool has_come_ = false;
};

}  // namespace callcache::bench
