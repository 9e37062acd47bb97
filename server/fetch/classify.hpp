// What a lookup's answer means.
#pragma once

#include "cache/call_answer.hpp"
#include "cache/call_view.hpp"
#include "server/fetch/bulk_reads.hpp"
#include "server/upstream/answer.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace callcache
{

enum class meaning
{
    found,      // 200 with the call that was asked for, or of a kept route: keep it
    not_kept,   // 200 of a kept route, and the vendor says that it may not be kept
    unfit,      // 200 of a kept route that cannot be kept: each asker needs its own
    not_found,  // 404 in the vendor's shape: remember it briefly
    refused,    // 401: the credential is not valid (any longer)
    forbidden,  // 403 in the vendor's shape: the credential may not read this call
    handed_on,  // another answer that is the tool's to understand: 400, redirects, …
    failing,    // 429 and 5xx: the vendor cannot answer now; something kept may serve
    nonsense,   // a 200 that is not the call, or a 403 or 404 that is not the vendor's: a failure, never handed on
};

struct classification
{
    meaning what = meaning::nonsense;
    call_answer call;  // found
    std::string why;   // nonsense
};

// The call's views point into `answer`. An answer is kept only if it is 200, JSON, whole, uncoded, at most 1 MiB, and
// its `call.id` is the id that was asked for.
classification classify(const upstream_answer& answer, std::string_view id);

// Of an answer to a bulk read of calls, or to a list that passed through: the calls in it, which point into `answer`.
struct bulk_classification
{
    bulk_end how = bulk_end::failed;
    bulk_answer found;
    std::string why;  // refused, failed

    // It is the vendor's own word: a 200 with the list of calls, or a 404 in the vendor's shape (none is found). Only
    // that proves of a list that the vendor accepted its credential, as anybody on the way can answer with a bare
    // status.
    bool is_vendors_word = false;
};
bulk_classification classify_bulk(const upstream_answer& answer, bulk_kind);

// Of an answer to a read of these calls by POST.
struct read_classification
{
    enum class what
    {
        read,     // the vendor's own word, on each of them
        said_no,  // it is another answer, for the tool
        lost,     // there is none, or the vendor could not give it
        too_large,
        in_doubt,  // a 200 that cannot be followed, or speaks of other calls
    };
    what how = what::lost;
    bulk_answer found;  // read
    std::string why;    // in_doubt
};
read_classification classify_read(const upstream_result&, call_view, const std::vector<std::string>& ids,
                                  std::size_t bytes_max);

// True of an answer to a lookup of a call or a kept route that is not the vendor's: a 200 or 401 that is a page, or a
// 403 or 404 in another shape. A gateway, a firewall or a portal on the way answers in its place.
bool is_somebody_elses(const upstream_answer&);

// True if the vendor refused the credential, or what was asked for to it: its 401 or 403.
bool refuses_credential(const upstream_answer&);

// True of a 400, 403, 410 or 500 in the vendor's shape: what it says of one id or target, and would say again.
bool is_no_to_one(const upstream_answer&);

// Of an answer to a kept route. no-store, no-cache, private and Set-Cookie (RFC 9111, section 3) say that it may not be
// kept, unless `overrides`.
classification classify_route(const upstream_answer& answer, bool overrides);

}  // namespace callcache
