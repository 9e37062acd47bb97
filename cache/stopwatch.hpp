// The store's count of what it does, with the time that it takes.
#pragma once

#include "cache/store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace callcache
{

// How often something was done, and how long that took, as far as the store has a clock for it. Any thread.
class stopwatch
{
public:
    // Until it goes.
    struct run
    {
        ~run()
        {
            if (options.steady) of.took_ += std::chrono::nanoseconds(options.steady() - began).count();
            ++of.count_;
        }
        stopwatch& of;
        const store_options& options;
        steady_time began;
    };
    run begin(const store_options& o) { return {*this, o, o.steady ? o.steady() : steady_time()}; }
    store::work current() const { return {count_, std::chrono::nanoseconds(took_)}; }

private:
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::int64_t> took_{0};
};

}  // namespace callcache
