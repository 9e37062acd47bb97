// The outage breaker: an outage upstream must not burn the day.
//
// After five failures in a row upstream counts as down, and is asked once in a while only: after 5 s, then after twice
// as long each time, up to a minute. An hour's outage costs about 60 API calls, and not 10,800. One answer of another
// kind, and it is up again.
//
// One id, or one tool that asks for it again and again, must not take the vendor from all the others:
//  - Requests that were on their way together fail once, however many they are.
//  - The failures have to be of five different ids or paths, or to be no connection at all. Before that, those that
//    have failed are held alone, in the same way.
//  - A failure that is most likely the matter with one id or path counts once for each of them.
//  - Each probe is of another id or path than the last one.
#pragma once

#include "server/async/backoff.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callcache
{

// Pure; one thread. A `subject` is what was asked for: an id, or a method and a path.
class breaker
{
public:
    bool is_down() const { return is_open() && subjects_.size() >= failures_max; }

    // True if a request for it may be sent; while it is held, that is the probe. What was the last probe has to leave
    // the next one to others for 5 s.
    bool lets_through(std::string_view subject, steady_time now) const
    {
        return !holds(subject) || now >= probe_at_of(subject);
    }

    // A request that was let through is on its way: of those that are held, no other is until its end, or for a minute.
    void sending(std::string_view subject, steady_time now);

    // One that was sent ended without a word of the vendor's, as its tool hung up: the next probe need not wait for it.
    void ended_unheard(std::string_view subject, steady_time now);

    void succeeded();

    enum class concerns
    {
        everybody,  // there was no connection
        anybody,    // it was sent, and came to nothing: lost, too slow, 502 to 504
        itself,     // most likely it is the matter with this subject
    };
    struct failure
    {
        std::string_view subject;
        concerns whom = concerns::anybody;
        steady_time began{};     // when the request had its turn
        duration retry_after{};  // for how long the vendor asked not to be asked, on a 503
    };
    void failed(const failure&, steady_time now);

    // How long until the next probe, if the one that is on its way fails: at most 5 s while there is one. Zero if one
    // may be sent now, or none is needed.
    steady_time::duration until_probe(std::string_view subject, steady_time now) const;

private:
    static constexpr std::size_t failures_max = 5;
    static constexpr std::chrono::seconds first_pause{5}, longest_pause{60}, longest_retry_after{300};

    bool is_probing(steady_time now) const { return now < probe_ends_at_; }
    steady_time probe_at_of(std::string_view subject) const
    {
        return last_probe_ == subject ? probe_at_ + first_pause : probe_at_;
    }
    bool is_open() const { return failures_ >= failures_max; }
    bool has_failed(std::string_view subject) const
    {
        return std::find(subjects_.begin(), subjects_.end(), subject) != subjects_.end();
    }
    bool holds(std::string_view subject) const { return is_down() || (is_open() && has_failed(subject)); }
    bool counts(const failure&) const;

    std::size_t failures_ = 0;           // in a row
    std::vector<std::string> subjects_;  // of them, each once; an empty one for each that concerns everybody
    steady_time counted_at_{};           // the last of them
    backoff pause_{first_pause, longest_pause};
    steady_time probe_at_{}, probe_ends_at_{};
    std::optional<std::string> last_probe_;  // of this outage
};

}  // namespace callcache
