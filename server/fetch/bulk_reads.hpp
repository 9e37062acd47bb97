// When lookups that wait are fetched together, by one bulk read in place of many single ones; and for whom that works.
//
// A refusal of a bulk read, or what is missing from its answer, says nothing about a call or about a credential's
// trust: only a call's own GET does. So whatever goes wrong here ends in single GETs.
#pragma once

#include "cache/partition.hpp"
#include "config/settings.hpp"

#include <map>
#include <string>
#include <vector>

namespace callcache
{

// How a bulk read ended.
enum class bulk_end
{
    read,     // with calls, or with the word that there are none
    refused,  // 401, 403: the credential has no scope for it
    spoiled,  // 400, 500: one of its calls may be the reason
    failed,   // what came is not understood, was too late, too large, or a refusal of another kind
    unknown,  // 429, an outage: it says nothing about bulk reads
};

struct bulk_report
{
    std::uint64_t batches = 0, calls = 0, fallbacks = 0, checks = 0, differences = 0;
    std::uint64_t saved = 0;  // API calls: of the calls in each answer, all but one
};

// Pure; one thread.
class bulk_reads
{
public:
    explicit bulk_reads(const bulk_settings& s) : settings_(s) {}

    void reconfigure(const bulk_settings& s) { settings_ = s; }  // from now on

    // True if lookups under this credential may go together, sooner or later.
    bool is_possible(const partition& whose, wall_time now) const;

    // How many of the `waiting` may go with a lookup that is about to be sent; 0: it goes alone. `last_turn`: until the
    // last of them would have its own turn. Until a credential's first bulk read has worked there is one at a
    // time, and none before the vendor has accepted the credential for a lookup.
    std::size_t takes_along(const partition& whose, bool trusted, std::size_t waiting, duration last_turn,
                            bool stretched) const;

    void begins(const partition& whose);

    // One of the two calls of a bulk read that was spoiled at its smallest got a refusal of its own: that is why.
    void explained(const partition& whose);

    void ends(partition& whose, bulk_end, duration took, std::size_t asked, std::size_t found, wall_time now);
    void single_took(duration took) { average(single_, took); }

    // True, once a day for each credential, if the calls of this answer are to be compared with one of their single
    // GETs. Then checked() says whether they did; if so, there are no bulk reads under it for a day.
    bool claims_check(const partition& whose, wall_time now);
    void checked(partition& whose, bool differs, wall_time now);
    void not_checked(const partition& whose) { known_[whose.id()].checked_at = {}; }

    const bulk_report& report() const { return report_; }

private:
    struct state
    {
        std::size_t on_their_way = 0;
        bool works = false;
        unsigned failed_in_a_row = 0;
        unsigned unexplained = 0;  // spoiled pairs
        wall_time checked_at{};
    };
    static void average(duration& of, duration took) { of += (took - of) / 4; }

    bulk_settings settings_;
    std::map<partition_id, state> known_;
    // How long they have been taking. The same to begin with: then it pays as soon as anybody waits.
    duration single_ = std::chrono::milliseconds(300), bulk_ = std::chrono::milliseconds(300);
    bulk_report report_;
};

}  // namespace callcache
