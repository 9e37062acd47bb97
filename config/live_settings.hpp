// The configuration while callcache runs, which a reload can replace.
#pragma once

#include "config/settings.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace callcache
{

// The settings in force. A reload replaces them while other threads read, and a reader pays for that with one load.
// What was in force before stays until the end of the process, so that a reference into it is good for as long as
// anybody wants it; that is a few KiB for each reload. Any thread.
class live_settings
{
public:
    explicit live_settings(settings first) { replace(std::move(first)); }

    const settings& operator*() const { return *now_.load(std::memory_order_acquire); }
    const settings* operator->() const { return &**this; }

    void replace(settings next)
    {
        std::lock_guard lock(mutex_);
        all_.push_back(std::make_unique<const settings>(std::move(next)));
        now_.store(all_.back().get(), std::memory_order_release);
    }

private:
    std::atomic<const settings*> now_{nullptr};
    std::mutex mutex_;
    std::vector<std::unique_ptr<const settings>> all_;
};

}  // namespace callcache
