// One request and its answer on a connection.
#pragma once

#include "server/upstream/transport.hpp"

#include <functional>

namespace callcache
{

struct exchanged
{
    upstream_result result;
    bool reusable = false;  // the connection can carry another request
};

// Sends `request` (a whole message) and reads the answer, all of it, into memory: at most `body_max` bytes of body. 1xx
// answers are read over. A body that is gzipped is decoded, to at most `body_max` bytes; where that cannot be done it
// stays as it is. `begins` is called when the first byte of anything comes. Ends by itself only with the connection:
// the caller closes it when its time is up.
task<exchanged> exchange(transport&, std::string_view request, std::size_t body_max,
                         const std::function<void()>& begins);

}  // namespace callcache
