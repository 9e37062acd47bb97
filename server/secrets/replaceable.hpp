// A value that many threads read and one can replace.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace callcache
{

// A value that may be replaced while it is used: a reader that took the current one keeps it. A reader that
// remembers what follows from it compares the pointer. Any thread.
template<class T>
class replaceable
{
public:
    void replace(T value)
    {
        auto next = std::make_shared<const T>(std::move(value));
        std::lock_guard lock(mutex_);
        current_ = std::move(next);
    }

    std::shared_ptr<const T> current() const
    {
        std::lock_guard lock(mutex_);
        return current_;
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> current_;
};

}  // namespace callcache
