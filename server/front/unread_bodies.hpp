// The long bodies that tools of one loop have not read yet: they take memory though nothing else may keep them.
#pragma once

#include "server/http/reply.hpp"

#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace callcache
{

// Front loop only. A body counts once, however many tools read it. Beyond the bound whoever has been reading longest is
// cut off, so that a tool which reads nothing costs no other tool its answer.
class unread_bodies
{
public:
    explicit unread_bodies(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    struct reader
    {
        const void* body;  // its owner
        std::size_t bytes;
        std::function<void()> cut_off;  // called once at most, within another's begin()
        bool is_cut_off = false;
    };
    using place = std::list<reader>::iterator;

    // Matched by one end(), also of one that is cut off; until then the body lives.
    place begin(const shared_bytes& body, std::function<void()> cut_off)
    {
        if (++readers_of_[body.owner.get()] == 1) bytes_ += body.bytes.size();
        place newest = readers_.insert(readers_.end(), {body.owner.get(), body.bytes.size(), std::move(cut_off)});
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
    void uncount(const reader& r)
    {
        auto readers = readers_of_.find(r.body);
        if (--readers->second > 0) return;
        readers_of_.erase(readers);
        bytes_ -= r.bytes;
    }

    const std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::list<reader> readers_;                                // the one that has been reading longest first
    std::unordered_map<const void*, std::size_t> readers_of_;  // by the body's owner
};

}  // namespace callcache
