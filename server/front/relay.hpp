// A request that goes upstream as it is, and its answer, as it is: nothing is kept. The bytes stream both ways with
// back-pressure; the fetcher says when (server/fetch/relay_channel.hpp).
//
// What the vendor receives is always built anew from parsed parts, with exactly one framing, and likewise what the tool
// receives (server/front/relay_head.hpp): nothing that two readers could take for two different messages gets through.
#pragma once

#include "config/address.hpp"
#include "config/live_settings.hpp"
#include "server/async/byte_bound.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/conversation.hpp"
#include "server/front/response_context.hpp"
#include "server/front/route.hpp"

namespace callcache
{

struct relayed_request
{
    const live_settings& config;
    const origin& upstream;
    fetcher& misses;
    const clock_source& clock;
    response_context& context;
    const routed& to;
    conversation& with;
    byte_bound& held_bodies;     // of all requests together
    byte_bound& copied_answers;  // likewise

    const request& asked() const { return context.asked; }
    bool is_chunked() const { return asked().body.what == framing::kind::chunked; }
};

// How it ended: with an answer of callcache's own, to be written, or with one of the vendor's, which is written or was
// broken off.
struct relay_end
{
    std::optional<reply> own;
    outcome word = outcome::pass;
    unsigned status = 0;  // the vendor's
};

// On the tool's front. `l` says who asks, how long it may wait, and with which credential. The end of the answer may be
// left in the context's `out`.
task<relay_end> relay_request(const relayed_request&, lookup l);

}  // namespace callcache
