// A request of a tool, and the answer to it as it is made.
#pragma once

#include "server/front/asker.hpp"
#include "server/http/reply.hpp"
#include "server/http/request.hpp"

namespace callcache
{

struct response_context
{
    const request& asked;
    asker& from;      // of the connection: it outlives the request
    outgoing& out;    // the answer, or the end of it, is appended here
    reply_mode mode;  // its `keep_alive` may be taken back until the answer's head is written
};

}  // namespace callcache
