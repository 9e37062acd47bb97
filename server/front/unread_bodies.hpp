// The long bodies that tools of one loop have not read yet: they take memory though nothing else may keep them.
#pragma once

#include "cache/time.hpp"
#include "server/http/reply.hpp"

#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace callcache
{

// Front loop only. A body counts once, however many tools read it. Beyond the bound those are cut off that have taken
// nothing for longest, so that a tool which reads nothing costs no other tool its answer.
class unread_bodies
{
public:
    explicit unread_bodies(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    struct reader
    {
        const void* body;  // its owner
        std::size_t bytes;
        std::function<std::uint64_t()> taken;  // how many bytes its tool has taken so far, of whatever
        std::function<void()> cut_off;         // called once at most, within another's begin()
        std::uint64_t seen = 0;                // of what it had taken
        bool is_cut_off = false;
    };
    using place = std::list<reader>::iterator;

    // Matched by one end(), also of one that is cut off; until then the body lives.
    place begin(const shared_bytes& body, steady_time now, std::function<std::uint64_t()> taken,
                std::function<void()> cut_off)
    {
        look(now);
        if (++readers_of_[body.owner.get()] == 1) bytes_ += body.bytes.size();
        const std::uint64_t seen = taken();
        place newest = readers_.insert(
            readers_.end(), {body.owner.get(), body.bytes.size(), std::move(taken), std::move(cut_off), seen});
        for (place at = readers_.begin(); bytes_ > bytes_max_ && at != newest; ++at)
        {
            if (std::exchange(at->is_cut_off, true)) continue;
            uncount(*at);
            at->cut_off();
        }
        return newest;
    }
    void end(place p)
    {
        if (!p->is_cut_off) uncount(*p);
        readers_.erase(p);
    }

    std::size_t bytes() const { return bytes_; }

private:
    static constexpr std::chrono::seconds look_every{1};

    // Those that have taken something since the last look go to the end.
    void look(steady_time now)
    {
        if (now - looked_at_ < look_every) return;
        looked_at_ = now;
        std::size_t left = readers_.size();
        for (place at = readers_.begin(); left > 0; --left)
        {
            place here = at++;
            const std::uint64_t taken = here->is_cut_off ? here->seen : here->taken();
            if (taken != std::exchange(here->seen, taken)) readers_.splice(readers_.end(), readers_, here);
        }
    }

    void uncount(const reader& r)
    {
        auto readers = readers_of_.find(r.body);
        if (--readers->second > 0) return;
        readers_of_.erase(readers);
        bytes_ -= r.bytes;
    }

    const std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::list<reader> readers_;  // the one that took something longest ago first
    steady_time looked_at_{};
    std::unordered_map<const void*, std::size_t> readers_of_;  // by the body's owner
};

}  // namespace callcache
