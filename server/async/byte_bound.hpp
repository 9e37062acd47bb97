// How many bytes all holders together may hold.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace callcache
{

// Any thread. Outlives the holders.
class byte_bound
{
public:
    explicit byte_bound(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // False, and nothing is taken, if they are not free.
    bool take(std::size_t bytes)
    {
        std::size_t held = held_.load();
        do
            if (bytes > bytes_max_ - held) return false;
        while (!held_.compare_exchange_weak(held, held + bytes));
        return true;
    }
    void give_back(std::size_t bytes) { held_ -= bytes; }
    std::size_t held() const { return held_; }

private:
    const std::size_t bytes_max_;
    std::atomic<std::size_t> held_{0};
};

// One holder's part, which is given back with it.
class byte_share
{
public:
    byte_share() = default;
    byte_share(byte_share&& other) noexcept : of_(std::exchange(other.of_, nullptr)), bytes_(other.bytes_) {}
    byte_share& operator=(byte_share&&) = delete;
    ~byte_share() { keep(0); }

    // So many more; always of the same bound. False, and nothing is taken, if they are not free.
    bool take(byte_bound& of, std::size_t bytes)
    {
        if (!of.take(bytes)) return false;
        of_ = &of;
        bytes_ += bytes;
        return true;
    }

    // Gives back all but so many.
    void keep(std::size_t bytes)
    {
        if (!of_ || bytes >= bytes_) return;
        of_->give_back(bytes_ - bytes);
        bytes_ = bytes;
    }

private:
    byte_bound* of_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace callcache
