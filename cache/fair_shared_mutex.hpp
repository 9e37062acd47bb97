// A shared mutex for one writer among many readers.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace callcache
{

// A shared mutex in which nobody who comes later overtakes who wants it alone. (The C library's lets readers in as long
// as one is inside, so that two of them in turn keep a writer out for ever.)
class fair_shared_mutex
{
public:
    void lock()
    {
        std::lock_guard in_line(door_);
        room_.lock();
    }
    void unlock() { room_.unlock(); }

    void lock_shared()
    {
        std::lock_guard in_line(door_);
        room_.lock_shared();
    }
    // Also false where somebody waits who wants it alone, or is about to come in.
    bool try_lock_shared()
    {
        std::unique_lock in_line(door_, std::try_to_lock);
        return in_line && room_.try_lock_shared();
    }
    void unlock_shared() { room_.unlock_shared(); }

private:
    std::mutex door_;
    std::shared_mutex room_;
};

}  // namespace callcache
