// What the simulated vendor answers, to whom: the operations of Gong's API, without connections and limits.
#pragma once

#include "server/http/reply.hpp"
#include "tests/sim/calls.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace sim
{

using callcache::reply;
using callcache::wall_time;

struct sim_request;

// What a key may do.
struct key_scopes
{
    bool calls = true;        // api:calls:read:basic
    bool extensive = true;    // api:calls:read:extensive
    bool transcripts = true;  // api:calls:read:transcript
};

struct api
{
    call_catalogue catalogue;
    std::map<std::string, key_scopes> keys;     // by the value of the Authorization field
    std::chrono::seconds cursor_life{60 * 60};  // after a list's first page

    std::map<std::string, unsigned> revisions;
    std::set<std::string> removed;
    std::set<std::pair<std::string, std::string>> forbidden;
    std::map<std::string, unsigned> failing;  // ids, and what a lookup, or a bulk read that holds one, is answered with
    std::size_t answers = 0;

    // Of the reads by POST.
    std::set<std::string> untranscribed, silent;  // ids: the transcript is not there yet; it is, and empty
    std::size_t page_max = 1000;                  // elements; the rest is behind a cursor that nobody follows
    std::size_t transcript_bytes = 0;             // at least so many in each that is not empty
    bool gzips = false;                           // for who accepts it

    // The call object, as it is now.
    std::optional<std::string> call(const std::string& id) const;

    // `id`: the lookup's; empty if it is none.
    reply answer(const sim_request&, const std::string& id, wall_time now);
    reply limited(std::int64_t wait);

    // An element of `callTranscripts`, as it is now.
    std::optional<std::string> transcript(const std::string& id) const;

private:
    std::vector<std::string> ids_between(const std::string& first, const std::string& end) const;

    // The elements of a read by ids, or of a range: `element` says each one's, or that there is none.
    using element_of = std::function<std::optional<std::string>(const std::string& id)>;
    reply read(const sim_request&, const std::string& list, const element_of&);
    reply list(const sim_request&, wall_time now);
    reply extensive(const sim_request&);
    reply transcripts(const sim_request&);
    reply error(unsigned status, const std::string& text);
    reply good(std::string rest);
    std::string request_id() { return "sim" + std::to_string(++answers); }
};

// The value of a query's parameter, decoded; empty if there is none.
std::string parameter(std::string_view query, std::string_view name);

}  // namespace sim
