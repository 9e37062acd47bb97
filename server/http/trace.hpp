// What links a request to the logs of others: the caller's trace, and the vendor's own number of it.
#pragma once

#include "server/http/head_guard.hpp"

#include <span>
#include <string_view>

namespace callcache
{

// The value of the field `traceparent` (W3C Trace Context, section 3.2), if it is there once and well-formed; else
// empty.
std::string_view traceparent_of(std::span<const field_view>);

// The `requestId` that one of Gong's answers begins with; empty if there is none, or one of another form.
std::string_view request_id_in(std::string_view body);

}  // namespace callcache
