// The credentials that the vendor just refused: whoever sends one again is told so without spending a call of the day.
#pragma once

#include "cache/digest.hpp"
#include "server/async/backoff.hpp"

#include <compare>
#include <map>
#include <optional>
#include <string>

namespace callcache
{

// What a 401 refuses: a credential, by its name (the partition's), for lookups; for anything else, which may need
// another scope, for that path alone.
struct refused_use
{
    digest credential{};
    std::string path = {};  // empty: of lookups

    auto operator<=>(const refused_use&) const = default;
};

// Remembered for ten seconds, doubled with each further refusal up to ten minutes: a key may be made valid again.
// Pure; one thread.
class refused_credentials
{
public:
    // By the answer to a request that had its turn at `began`.
    void refused(const refused_use&, steady_time began, steady_time now);
    void accepted(const refused_use& u) { known_.erase(u); }

    // How long until it is asked again; nothing if it may be asked now.
    std::optional<steady_time::duration> wait(const refused_use&, steady_time now) const;

private:
    static constexpr std::chrono::seconds first_wait{10}, longest_wait{600};
    static constexpr std::size_t known_max = 1024;

    std::map<refused_use, backoff> known_;
};

}  // namespace callcache
