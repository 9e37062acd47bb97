// The answer to a forwarded request: it streams from the vendor to the tool.
#pragma once

#include "server/async/byte_bound.hpp"
#include "server/front/relay.hpp"
#include "server/front/watchdog.hpp"
#include "server/upstream/answer_reader.hpp"

#include <memory>
#include <optional>
#include <string>

namespace callcache
{

// What came of handing an answer on.
struct streamed
{
    std::optional<upstream_failure> broke_off;  // then the tool's connection has been ended, or the tool is gone
    std::optional<std::string> copy;            // of the whole body, if one was wanted and there was room
    byte_share copy_room;
};

// Writes the answer to the tool. Its last bytes stay in the context's `out`. The watchdog closes the vendor's
// connection if nothing moves.
task<streamed> stream_answer(const relayed_request&, answer_reader&, const answer_head&, std::shared_ptr<watchdog>,
                             bool wants_copy);

}  // namespace callcache
