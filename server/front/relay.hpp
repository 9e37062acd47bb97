// A request that goes upstream as it is, and its answer, as it is: nothing is kept. The bytes stream both ways with
// back-pressure; the fetcher says when (server/fetch/relay_channel.hpp).
//
// What the vendor receives is always built anew from parsed parts, with exactly one framing, and likewise what the tool
// receives: nothing that two readers could take for two different messages gets through.
#pragma once

#include "config/address.hpp"
#include "config/live_settings.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/handler.hpp"
#include "server/front/route.hpp"

namespace callcache
{

struct passing
{
    const live_settings& config;
    const origin& upstream;
    fetcher& misses;
    const clock_source& clock;
    const request& asked;
    const routed& to;
    conversation& with;
    reply_mode& mode;
};

// How it ended: with an answer of callcache's own, to be written, or with one of the vendor's, which is written or was
// broken off.
struct passed
{
    std::optional<reply> own;
    outcome word = outcome::pass;
    unsigned status = 0;  // the vendor's
};

// On the tool's front. `l` says who asks, how long it may wait, and with which credential. The end of the answer may be
// left in `out`.
task<passed> pass_through(passing, lookup l, std::string& out);

// What the vendor gets, without a body's framing and the empty line: the request line, callcache's own fields, which no
// Connection field of the tool's takes away, and the tool's end-to-end fields in their order (RFC 9110, section 7.6).
std::string forwarded_head(const request&, std::string_view target, std::string_view authority,
                           std::string_view authorization);

}  // namespace callcache
