// How many calls one read by POST asks for.
#pragma once

#include "cache/asked_calls.hpp"
#include "cache/call_view.hpp"
#include "cache/time.hpp"

#include <algorithm>

namespace callcache
{

// Learned, as an hour's transcript is 100 to 300 KB, and how fast the vendor makes an answer of them is not known: 25
// at first, doubled by each answer that takes less than 5 s, however few calls it carried, and halved by each that
// takes longer. An extensive record is small. Pure; one thread.
class read_sizes
{
public:
    std::size_t most(call_view v) const { return v == call_view::transcript ? transcripts_ : details_; }

    void took(call_view v, duration t)
    {
        if (v != call_view::transcript) return;
        bool is_quick = t < std::chrono::seconds(5);
        transcripts_ =
            is_quick ? std::min(transcripts_ * 2, asked_calls_max) : std::max<std::size_t>(transcripts_ / 2, 1);
    }

    // The vendor put so many on a page, and the rest on others.
    void paged(call_view v, std::size_t page)
    {
        std::size_t& of = v == call_view::transcript ? transcripts_ : details_;
        of = std::clamp<std::size_t>(page, 1, of);
    }

private:
    std::size_t transcripts_ = 25, details_ = asked_calls_max;
};

}  // namespace callcache
