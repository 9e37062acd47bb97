// The credentials that the vendor just refused: whoever sends one again is told so without spending a call of the day.
#pragma once

#include "cache/digest.hpp"
#include "cache/time.hpp"

#include <map>
#include <optional>

namespace callcache
{

// Remembered for ten seconds, doubled with each further refusal up to ten minutes: a key may be made valid again.
// Pure; one thread.
class refused_credentials
{
public:
    // By a credential's name (the partition's).
    void refused(const digest& name, steady_time now);
    void accepted(const digest& name) { known_.erase(name); }

    // How long until it is asked again; nothing if it may be asked now.
    std::optional<steady_time::duration> wait(const digest& name, steady_time now) const;

private:
    static constexpr std::chrono::seconds first_wait{10}, longest_wait{600};
    static constexpr std::size_t known_max = 1024;

    struct refusal
    {
        std::chrono::seconds wait;
        steady_time until;
    };
    std::map<digest, refusal> known_;
};

}  // namespace callcache
